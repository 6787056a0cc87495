# find_package(mamba2_tiny CONFIG PATHS <this folder>), then link mamba2_tiny::mamba2_tiny.
# Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
if(NOT TARGET mamba2_tiny::mamba2_tiny)
  add_library(mamba2_tiny::mamba2_tiny STATIC IMPORTED)
  set_target_properties(mamba2_tiny::mamba2_tiny PROPERTIES
    IMPORTED_LOCATION ${CMAKE_CURRENT_LIST_DIR}/lib/libmamba2_tiny.a
    INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR}
    INTERFACE_LINK_LIBRARIES "stdc++;m")
endif()
set(mamba2_tiny_WEIGHTS ${CMAKE_CURRENT_LIST_DIR}/mamba2_tiny.weights)
