include(GNUInstallDirs)
install(DIRECTORY core/include/perigee DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS perigee_core DESTINATION ${CMAKE_INSTALL_LIBDIR})
