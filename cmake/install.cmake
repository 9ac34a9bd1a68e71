# Installation: the headers, the package for find_package(bcr) with bcr_add_dispatch_library(), and bcr.pc for pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(BCR_INSTALL_CMAKEDIR ${CMAKE_INSTALL_DATADIR}/cmake/bcr CACHE STRING "Where the files for find_package go")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/bcr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp"
        PATTERN "*.h")
install(TARGETS bcr EXPORT bcr_targets)
install(EXPORT bcr_targets NAMESPACE bcr:: FILE bcr_targets.cmake DESTINATION ${BCR_INSTALL_CMAKEDIR})
write_basic_package_version_file(bcrConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
file(GLOB dispatch_files ${CMAKE_CURRENT_LIST_DIR}/dispatch_*)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/bcrConfigVersion.cmake ${CMAKE_CURRENT_LIST_DIR}/bcrConfig.cmake ${dispatch_files}
        DESTINATION ${BCR_INSTALL_CMAKEDIR})

configure_file(${CMAKE_CURRENT_LIST_DIR}/bcr.pc.in bcr.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/bcr.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
