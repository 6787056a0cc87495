// What a stage says when it refuses its input.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "generator/error.h"

namespace mambac {

// The message of the Error that `action` throws with `code`; a test failure and "" if it throws none.
template <typename Action>
std::string error_message(Action&& action, ExitCode code = ExitCode::input) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return "";
}

// An empty folder of the running test's own.
inline std::filesystem::path test_folder() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / (std::string(test.test_suite_name()) + "." + test.name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace mambac
