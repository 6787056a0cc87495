#include "tests/command.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

namespace mambac {

namespace fs = std::filesystem;

CommandResult run_command(const std::string& command) {
  CommandResult result;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (const size_t count = fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, count);
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

CommandResult mambac(const std::string& arguments, const std::string& environment) {
  return run_command(environment + " generator/mambac " + arguments);
}

void expect_refusal(const CommandResult& result, ExitCode code, const std::string& sentence) {
  EXPECT_EQ(result.exit_code, static_cast<int>(code)) << result.output;
  EXPECT_NE(result.output.find(sentence), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("terminate"), std::string::npos) << result.output;
}

void expect_only(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path().filename().string());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, names);
}

}  // namespace mambac
