// Running compilers: what the targets share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mambac {

// Path of a program in the PATH, or of one that is given by its path; "" if there is none.
std::string find_program(const std::string& name);

// Runs a command; its output goes through the file `log` and is returned. Throws Error (ExitCode::environment) with the
// beginning of that output if it fails.
std::string run_tool(const std::vector<std::string>& command, const std::filesystem::path& log);

// Runs `work(index)` for every index below `count` on as many threads as the machine has, or as it lets start; throws
// the first Error.
void in_parallel(size_t count, const std::function<void(size_t)>& work);

}  // namespace mambac
