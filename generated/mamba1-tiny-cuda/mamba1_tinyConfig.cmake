# find_package(mamba1_tiny CONFIG PATHS <this folder>), then link mamba1_tiny::mamba1_tiny.
# Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
find_package(CUDAToolkit REQUIRED)
if(NOT TARGET mamba1_tiny::mamba1_tiny)
  add_library(mamba1_tiny::mamba1_tiny STATIC IMPORTED)
  set_target_properties(mamba1_tiny::mamba1_tiny PROPERTIES
    IMPORTED_LOCATION ${CMAKE_CURRENT_LIST_DIR}/lib/libmamba1_tiny.a
    INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR}
    INTERFACE_LINK_LIBRARIES "CUDA::cudart_static;stdc++;m")
endif()
set(mamba1_tiny_WEIGHTS ${CMAKE_CURRENT_LIST_DIR}/mamba1_tiny.weights)
