// From an artifact's sources to its library, with any target's compiler.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// Makes lib/libNAME.a and lib/libNAME.so of the sources in `folder`. `compile` and `link`: the words of a command
// before its files; `read_output`: told what the compiler said of each source, by any thread. Returns the folder of the
// objects, which the caller removes. Throws Error (ExitCode::environment) with what a compiler said.
std::filesystem::path build_library(const Plan& plan, const std::filesystem::path& folder,
                                    const std::vector<std::string>& compile, std::vector<std::string> link,
                                    const std::function<void(const std::string&)>& read_output = {});

}  // namespace mambac
