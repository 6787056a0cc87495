// The templates and the runtime as text inside mambac, so that the binary alone can write an artifact.
#pragma once

#include <map>
#include <string>

namespace mambac {

// By path from the repository's top: "templates/cpu/project.h", "runtime/vector.h".
const std::map<std::string, std::string>& embedded_sources();

}  // namespace mambac
