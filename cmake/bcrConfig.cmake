# What find_package(bcr) brings: the target bcr::bcr, and bcr_add_dispatch_library().
include(${CMAKE_CURRENT_LIST_DIR}/bcr_targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/dispatch_library.cmake)
