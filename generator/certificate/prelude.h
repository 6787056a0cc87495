// What an artifact's runtime uses of the standard library, as far as Clang must know it to walk the artifact: declared,
// not defined. The walk never enters it; which of these functions a program may call is said by name in rules.cpp. The
// machine's own headers are not read, so that a certificate is the same everywhere.
#pragma once

#include <map>
#include <string>

namespace mambac {

// Header name ("atomic") -> text.
std::map<std::string, std::string> certificate_prelude();

}  // namespace mambac
