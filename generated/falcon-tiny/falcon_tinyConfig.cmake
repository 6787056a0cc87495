# find_package(falcon_tiny CONFIG PATHS <this folder>), then link falcon_tiny::falcon_tiny.
# Written by mambac 0.1.0 for plan 531004f6c946a32e; do not edit.
if(NOT TARGET falcon_tiny::falcon_tiny)
  add_library(falcon_tiny::falcon_tiny STATIC IMPORTED)
  set_target_properties(falcon_tiny::falcon_tiny PROPERTIES
    IMPORTED_LOCATION ${CMAKE_CURRENT_LIST_DIR}/lib/libfalcon_tiny.a
    INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR}
    INTERFACE_LINK_LIBRARIES "stdc++;m")
endif()
set(falcon_tiny_WEIGHTS ${CMAKE_CURRENT_LIST_DIR}/falcon_tiny.weights)
