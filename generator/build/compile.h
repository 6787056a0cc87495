// Stage 7: from source to lib/libNAME.a and lib/libNAME.so.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "generator/plan/plan.h"

namespace mambac {

// What the compiler says of every function's frame on the stack.
struct StackUsage {
  std::string compiler;                       // "g++"
  std::map<std::string, std::string> frames;  // its .su file by the object's name, "NAME_step"
};

// Compiles the artifact's sources in `folder`, in parallel, with the C++ compiler of $CXX, or the first of clang++-19,
// g++, clang++ and c++ that is installed. Throws Error (ExitCode::environment): no compiler; the compiler's own
// message.
StackUsage compile(const Plan& plan, const std::filesystem::path& folder);

// Path of the compiler that compile() takes.
std::string find_compiler();

}  // namespace mambac
