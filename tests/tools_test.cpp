// The scripts and rules around the command.
#include <gtest/gtest.h>

#include "generator/emit/emit.h"
#include "generator/file.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// A checkout with nothing but the script, and a Bazel that takes six seconds and then leaves a command or fails.
class Script : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(top_ / "tools");
    fs::create_directories(top_ / "bazel-bin/generator");
    fs::copy_file("tools/mambac", top_ / "tools/mambac");
    write_executable(top_ / "bazel",
                     "echo 'INFO: Analyzed target'\n"
                     "for step in 1 2 3 4 5 6; do echo \"[$step / 1,234] Compiling\"; sleep 1; done\n"
                     "echo 'ERROR: no such compiler'\n"
                     "exit $BAZEL_EXIT\n");
    write_executable(top_ / "bazel-bin/generator/mambac", "echo \"the command with $*\"\n");
  }
  CommandResult run(int bazel_exit) {
    return run_command(
        fmt::format("BAZEL_EXIT={} PATH={}:$PATH {}/tools/mambac build x", bazel_exit, top_.string(), top_.string()));
  }

 private:
  static void write_executable(const fs::path& path, const std::string& text) {
    write_text(path, "#!/bin/sh\n" + text);
    fs::permissions(path, fs::perms::owner_all);
  }

  const fs::path top_ = test_folder();
};

TEST_F(Script, ShowsHowFarBazelIsOnceItTakesLonger) {
  const CommandResult result = run(0);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("mambac: building mambac with Bazel: step 5 of 1,234, "), std::string::npos);
  EXPECT_EQ(result.output.find("step 1 of"), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("ERROR"), std::string::npos) << result.output;
  EXPECT_TRUE(result.output.ends_with("the command with build x\n")) << result.output;
}

TEST_F(Script, GivesBazelsReasonsWhenMambacDoesNotBuild) {
  const CommandResult result = run(1);
  EXPECT_EQ(result.exit_code, 4) << result.output;
  EXPECT_NE(result.output.find("ERROR: no such compiler\nmambac: mambac itself does not build"), std::string::npos);
  EXPECT_EQ(result.output.find("INFO"), std::string::npos) << result.output;
}

TEST(Rule, CompilesAsMambacDoes) {
  const std::string rule = read_text("tools/bazel/mambac.bzl");
  std::string options = "_COMPILE_OPTIONS = [\"-std=c++20\"";
  for (const std::string& option : arithmetic_options(plan_model(request_for("mamba1-tiny")).plan)) {
    if (!option.starts_with("-march=")) options += fmt::format(", \"{}\"", option);
  }
  EXPECT_NE(rule.find(options + "]"), std::string::npos) << options;
  EXPECT_EQ(rule.find("-O3"), rule.rfind("-O3")) << "said once";
}

}  // namespace
}  // namespace mambac
