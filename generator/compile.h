// Stage 7: from source to lib/libNAME.a and lib/libNAME.so.
#pragma once

#include <filesystem>
#include <string>

#include "generator/plan.h"

namespace mambac {

// Compiles the artifact's sources in `folder`, in parallel, with the C++ compiler of $CXX, or the first of clang++-19,
// g++, clang++ and c++ that is installed. Throws Error (ExitCode::environment): no compiler; the compiler's own message.
void compile(const Plan& plan, const std::filesystem::path& folder);

// Path of the compiler that compile() takes.
std::string find_compiler();

}  // namespace mambac
