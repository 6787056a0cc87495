# For find_package(mamba1_tiny VERSION): this version of mambac serves whoever asks for it or for an older one.
# Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
set(PACKAGE_VERSION 0.1.0)
if(PACKAGE_FIND_VERSION VERSION_LESS_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
