// The version that artifacts carry and `mambac --version` prints. It changes with every release, and
// with every change of packing or file formats.
#pragma once

namespace mambac {

inline constexpr const char* generator_version = "0.1.0";

}  // namespace mambac
