// The name of an artifact: prefix of its functions and constants, of its files, and its target in other build systems.
#pragma once

#include <string>

namespace mambac {

// A name made of a folder's or a file's: "mamba-1.4b" becomes "mamba_1_4b". What could not be the name of a library
// gets the prefix "model_": "time" becomes "model_time".
std::string library_name_of(const std::string& name);

// Throws Error (ExitCode::usage) if `name`, which the user chose, cannot be the name of a library.
void check_library_name(const std::string& name);

}  // namespace mambac
