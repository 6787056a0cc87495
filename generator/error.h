// How every stage of the generator reports what is wrong: one clear sentence that says what, where and what to do.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace mambac {

// The exit codes of the `mambac` command (documented in `mambac --help`).
enum class ExitCode : int {
  success = 0,
  difference = 1,   // a comparison found a value above its tolerance
  usage = 2,        // the command line is wrong
  input = 3,        // a file that was given is wrong: configuration, weights, deployment, cases
  environment = 4,  // the machine is wrong: no compiler, no space, no permission, missing instruction set
  internal = 5,     // a defect of mambac: the plan did not pass its own verification
};

// Thrown by the stages, caught once in main(), printed as `mambac: MESSAGE`.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <typename... Arguments>
[[noreturn]] void fail(ExitCode code, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Error(code, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace mambac
