# What `cmake --install` puts where: headers, both libraries, the command, the module for a stock lua5.4, experiments,
# perigee.pc and PerigeeConfig.cmake (targets Perigee::core and Perigee::lua).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(PERIGEE_LUA_CMOD_DIR ${CMAKE_INSTALL_LIBDIR}/lua/5.4 CACHE STRING "Where lua5.4 looks for C modules")
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Perigee)

set_target_properties(perigee_core PROPERTIES EXPORT_NAME core)
set_target_properties(perigee_lua PROPERTIES EXPORT_NAME lua)
install(TARGETS perigee_core perigee_lua EXPORT PerigeeTargets DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS perigee DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS perigee_module DESTINATION ${PERIGEE_LUA_CMOD_DIR})
install(DIRECTORY core/include/perigee DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY scripts DESTINATION ${CMAKE_INSTALL_DATADIR}/perigee FILES_MATCHING PATTERN "*.lua")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/perigee)

install(EXPORT PerigeeTargets NAMESPACE Perigee:: DESTINATION ${package_dir})
configure_package_config_file(bindings/install/PerigeeConfig.cmake.in ${CMAKE_BINARY_DIR}/PerigeeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/PerigeeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/PerigeeConfig.cmake ${CMAKE_BINARY_DIR}/PerigeeConfigVersion.cmake DESTINATION ${package_dir})

# perigee.pc finds its folders from where it lies, so that the installed tree may be moved.
file(RELATIVE_PATH pc_to_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
configure_file(bindings/install/perigee.pc.in ${CMAKE_BINARY_DIR}/perigee.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/perigee.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
