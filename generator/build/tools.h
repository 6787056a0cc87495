// Running compilers: what the targets share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// Path of a program in the PATH, or of one that is given by its path; "" if there is none.
std::string find_program(const std::string& name);

// Runs a command; its output goes through the file `log` and is returned. Throws Error (ExitCode::environment) with the
// beginning of that output if it fails.
std::string run_tool(const std::vector<std::string>& command, const std::filesystem::path& log);

// Runs `work(index)` for every index below `count` on as many threads as the machine has, or as it lets start; throws
// the first Error.
void in_parallel(size_t count, const std::function<void(size_t)>& work);

// The sources of an artifact's library in `folder`, the longest first: all but test and benchmark.
std::vector<std::filesystem::path> library_sources(const Plan& plan, const std::filesystem::path& folder);

// "NAME.cpp" becomes "NAME.o", "runtime/status.cpp" "runtime-status.o": no NAME holds a '-'.
std::string object_name(const std::filesystem::path& source, const std::filesystem::path& folder);

// lib/libNAME.a of the objects.
void archive_objects(const Plan& plan, const std::filesystem::path& folder, const std::vector<std::string>& objects);

}  // namespace mambac
