// What templates may use of the standard library, as far as Clang must know it to specialize them. Templates are parsed
// without the machine's headers, so that the emitted source is the same on every machine.
#pragma once

#include <map>
#include <string>

namespace mambac {

// What CUDA adds to the language: read before every unit of CUDA templates.
const std::string& cuda_prelude();

// Header name ("cstdint") -> text.
const std::map<std::string, std::string>& standard_prelude();

}  // namespace mambac
