# Debian packages by CPack, one a program: `./run package`. What they hold besides the programs lies in packaging/.
include(GNUInstallDirs)

# Packing must not build tests and benchmarks first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

set(packaging "${CMAKE_SOURCE_DIR}/packaging")
set(packed "${CMAKE_BINARY_DIR}/packaging")

# Policy wants documentation compressed, and the same bytes every time.
function(strandline_install_compressed component source name destination)
    set(made "${packed}/${component}/${name}.gz")
    get_filename_component(folder "${made}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    execute_process(COMMAND gzip -9n -c "${source}" OUTPUT_FILE "${made}" COMMAND_ERROR_IS_FATAL ANY)
    install(FILES "${made}" DESTINATION "${destination}" COMPONENT ${component})
endfunction()

function(strandline_package_docs component package)
    set(folder "share/doc/${package}")
    install(FILES "${packaging}/debian/copyright" DESTINATION "${folder}" COMPONENT ${component})
    file(WRITE "${packed}/${component}/changelog.Debian"
         "${package} (${CPACK_PACKAGE_VERSION}) bookworm; urgency=medium\n\n"
         "  * See CHANGELOG.md of the project.\n\n"
         " -- ${CPACK_PACKAGE_CONTACT}  Sat, 21 Nov 2026 12:00:00 +0000\n")
    strandline_install_compressed(${component} "${packed}/${component}/changelog.Debian" changelog.Debian "${folder}")
endfunction()

# strandline_package(component package section summary)
function(strandline_package component package summary)
    string(TOUPPER ${component} upper)
    set(scripts "")
    foreach(script IN ITEMS conffiles postinst prerm postrm)
        if(EXISTS "${packaging}/debian/${package}/${script}")
            list(APPEND scripts "${packaging}/debian/${package}/${script}")
        endif()
    endforeach()
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package} PARENT_SCOPE)
    set(CPACK_DEBIAN_${upper}_FILE_NAME DEB-DEFAULT PARENT_SCOPE)
    set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${scripts}" PARENT_SCOPE)
    file(READ "${packaging}/debian/${package}/description" text)
    string(STRIP "${text}" text)
    set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${text}" PARENT_SCOPE)
    strandline_package_docs(${component} ${package})
endfunction()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME strandline)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR "The Strandline authors")
set(CPACK_PACKAGE_CONTACT "The Strandline authors <strandline@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL hub agent cli)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

install(TARGETS strandlined RUNTIME DESTINATION bin COMPONENT hub)
install(TARGETS strandline-agent RUNTIME DESTINATION bin COMPONENT agent)
install(TARGETS strandline RUNTIME DESTINATION bin COMPONENT cli)

# The documented example is the configuration file; only the state folder is Debian's.
file(READ "${CMAKE_SOURCE_DIR}/examples/strandline.toml" text)
string(REPLACE "\"strandline-state\"" "\"/var/lib/strandline\"" text "${text}")
file(WRITE "${packed}/strandline.toml" "${text}")
install(FILES "${packed}/strandline.toml" DESTINATION /etc/strandline COMPONENT hub)
install(FILES "${CMAKE_SOURCE_DIR}/examples/agent.toml" DESTINATION /etc/strandline-agent COMPONENT agent)
install(FILES "${packaging}/systemd/strandlined.service" DESTINATION lib/systemd/system COMPONENT hub)
install(FILES "${packaging}/systemd/strandline-agent.service" DESTINATION lib/systemd/system COMPONENT agent)
strandline_install_compressed(hub "${packaging}/man/strandlined.8" strandlined.8 share/man/man8)
strandline_install_compressed(agent "${packaging}/man/strandline-agent.8" strandline-agent.8 share/man/man8)
strandline_install_compressed(cli "${packaging}/man/strandline.1" strandline.1 share/man/man1)

# The program knows its own words.
install(CODE "
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/bash-completion/completions\")
    execute_process(COMMAND \"$<TARGET_FILE:strandline>\" completion bash
        OUTPUT_FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/bash-completion/completions/strandline\"
        COMMAND_ERROR_IS_FATAL ANY)" COMPONENT cli)

set(CPACK_DEBIAN_HUB_PACKAGE_DEPENDS "mosquitto (>= 2.0), adduser")
set(CPACK_DEBIAN_AGENT_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_AGENT_PACKAGE_RECOMMENDS "strandline-onnxruntime")
strandline_package(hub strandline-hub "hub that keeps the models of a fleet of devices")
strandline_package(agent strandline-agent "keeps the right models running on a device")
strandline_package(cli strandline "command line of the Strandline hub")

# Debian 12 has no ONNX Runtime; the library that ./run setup fetched becomes a package of its own, which an agent finds
# in /usr/lib/strandline and which nothing else sees.
set(onnxruntime_library "${STRANDLINE_ONNXRUNTIME_DIR}/lib/libonnxruntime.so.1")
if(EXISTS "${onnxruntime_library}")
    get_filename_component(onnxruntime_file "${onnxruntime_library}" REALPATH)
    install(PROGRAMS "${onnxruntime_file}" DESTINATION lib/strandline RENAME libonnxruntime.so.1 COMPONENT onnxruntime)
    list(APPEND CPACK_COMPONENTS_ALL onnxruntime)
    strandline_package(onnxruntime strandline-onnxruntime "ONNX Runtime for the Strandline agent")
endif()
include(CPack)
