# Language, warnings, sanitizers, linker and compiler cache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# -g1 keeps useful backtraces at a fraction of the object size and compile time of -g.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(STRANDLINE_WERROR)
    add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Optimised coroutines whose frame Asio allocates look mismatched to GCC 12, and are not.
    add_compile_options(-Wno-mismatched-new-delete)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND STRANDLINE_SANITIZE)
    # GCC 12 reports false positives in its own headers under sanitizers (GCC PR 105329, 105562).
    add_compile_options(-Wno-maybe-uninitialized -Wno-restrict)
endif()

if(STRANDLINE_SANITIZE)
    add_compile_options(-fsanitize=${STRANDLINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${STRANDLINE_SANITIZE})
    if(STRANDLINE_SANITIZE MATCHES "address")
        add_compile_definitions(STRANDLINE_ADDRESS_SANITIZER)
    endif()
    if(STRANDLINE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Asio fences completions of other threads; its mutexes already order them for TSan.
        add_compile_options(-Wno-tsan)
    endif()
endif()

if(STRANDLINE_FUZZ)
    # Coverage of all code, so that the fuzzer sees what an input reaches.
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(STRANDLINE_CCACHE ccache)
if(STRANDLINE_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${STRANDLINE_CCACHE}")
endif()
find_program(STRANDLINE_MOLD mold)
if(STRANDLINE_MOLD)
    add_link_options(-fuse-ld=mold)
endif()
