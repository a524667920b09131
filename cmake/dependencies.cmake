# Outside libraries. All come from Debian 12; see docs/decisions/ for the reasons.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(lzma REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(mosquitto REQUIRED IMPORTED_TARGET libmosquitto)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(libarchive REQUIRED IMPORTED_TARGET libarchive)

# SOCI ships no CMake package in Debian 12.
find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3 REQUIRED)
find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql REQUIRED)
add_library(soci INTERFACE)
target_link_libraries(soci INTERFACE ${SOCI_CORE_LIBRARY} ${SOCI_SQLITE3_LIBRARY}
                                     ${SOCI_POSTGRESQL_LIBRARY} PkgConfig::sqlite3 PkgConfig::libpq)

# ONNX Runtime is loaded at run time; only its headers are needed here. `./run setup` puts the
# library and the headers under build/onnxruntime.
set(STRANDLINE_ONNXRUNTIME_DIR "${CMAKE_SOURCE_DIR}/build/onnxruntime"
    CACHE PATH "Folder with include/onnxruntime_c_api.h and lib/libonnxruntime.so.1")
find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_c_api.h
          HINTS "${STRANDLINE_ONNXRUNTIME_DIR}/include" PATH_SUFFIXES onnxruntime)
if(NOT ONNXRUNTIME_INCLUDE_DIR)
    message(WARNING "ONNX Runtime headers not found: agents of this build deliver models and do not "
                    "run them. ./run setup fetches them.")
endif()

if(STRANDLINE_TESTS)
    find_package(GTest REQUIRED)
    include(GoogleTest)
endif()
if(STRANDLINE_BENCHMARKS)
    find_package(benchmark REQUIRED)
endif()
