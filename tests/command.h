// The mambac command as a user meets it, for tests of what it prints, its exit codes and what it leaves behind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "generator/error.h"

namespace mambac {

// Output of a shell command and its exit code; 128 and the signal's number if a signal ended it.
struct CommandResult {
  int exit_code = 0;
  std::string output;
};
CommandResult run_command(const std::string& command);

// Runs `mambac ARGUMENTS`; `environment`: assignments of the shell before it.
CommandResult mambac(const std::string& arguments, const std::string& environment = "");

// One sentence and the exit code, no crash.
void expect_refusal(const CommandResult& result, ExitCode code, const std::string& sentence);

// The folder holds these names, in alphabetical order, and no others.
void expect_only(const std::filesystem::path& folder, const std::vector<std::string>& names);

}  // namespace mambac
