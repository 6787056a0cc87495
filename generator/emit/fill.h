// Text skeletons: @KEY@ is replaced by a value.
#pragma once

#include <map>
#include <string>

namespace mambac {

using Placeholders = std::map<std::string, std::string>;

// Throws Error (ExitCode::internal) for a key that has no value.
std::string fill(const std::string& skeleton, const Placeholders& values);

}  // namespace mambac
