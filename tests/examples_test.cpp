// The examples as a user builds them: with CMake, outside of the source tree, against a built artifact.
#include <gtest/gtest.h>

#include "generator/file.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"
#include "tests/golden_case.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// Builds `example` in a folder of the test's own and runs its program on austen-mamba's weights.
std::string output_of(const std::string& example, const std::string& program) {
  const fs::path build = test_folder();
  fs::copy(fs::path("examples") / example, build / "source", fs::copy_options::recursive);
  const fs::path artifact = built_artifact(request_for("austen-mamba")).folder();
  const CommandResult made =
      run_command(fmt::format("cmake -S {0}/source -B {0}/build -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH={1} && "
                              "cmake --build {0}/build",
                              build.string(), artifact.string()));
  EXPECT_EQ(made.exit_code, 0) << made.output;
  const std::string weights = (artifact / "austen_mamba.weights").string();
  const CommandResult ran = run_command(
      fmt::format("{}/build/{} {}", build.string(), program, program == "swap" ? weights + " " + weights : weights));
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  return ran.output;
}

TEST(Examples, CGivesSixteenTokens) {
  const std::string output = output_of("c", "continue");
  EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 16) << output;
}

TEST(Examples, CppForksAState) {
  const std::string output = output_of("cpp", "fork");
  EXPECT_TRUE(output.starts_with("after 400: ")) << output;
  EXPECT_NE(output.find("after 500: "), std::string::npos) << output;
}

TEST(Examples, SwapGoesOnWithNewWeights) {
  const std::string output = output_of("swap", "swap");
  EXPECT_NE(output.find("swap 20\n"), std::string::npos) << output;
  EXPECT_NE(output.find(" steps, the longest "), std::string::npos) << output;
}

TEST(Examples, TheArtifactsOwnCMakeListsBuildsAndPasses) {
  const fs::path build = test_folder();
  const fs::path artifact = built_artifact(request_for("austen-mamba")).folder();
  const CommandResult made = run_command(fmt::format(
      "cmake -S {1} -B {0} && cmake --build {0} -j2 && ctest --test-dir {0}", build.string(), artifact.string()));
  EXPECT_EQ(made.exit_code, 0) << made.output;
  EXPECT_NE(made.output.find("100% tests passed"), std::string::npos) << made.output;
}

TEST(Examples, CmakeChecksTheVersion) {
  const fs::path folder = test_folder();
  ASSERT_EQ(mambac(fmt::format("generate configs/product-small --out {}/artifact", folder.string())).exit_code, 0);
  write_text(folder / "CMakeLists.txt",
             "cmake_minimum_required(VERSION 3.16)\nproject(user NONE)\n"
             "find_package(product_small ${WANTED} CONFIG REQUIRED)\n");
  for (const auto& [wanted, found] : {std::pair("0.1", true), std::pair("0.1.0", true), std::pair("99", false)}) {
    const CommandResult result = run_command(
        fmt::format("cmake -S {0} -B {0}/{1} -DWANTED={1} -DCMAKE_PREFIX_PATH={0}/artifact", folder.string(), wanted));
    EXPECT_EQ(result.exit_code == 0, found) << wanted << ": " << result.output;
  }
}

TEST(Examples, PkgConfigNamesHeaderAndLibrary) {
  const fs::path artifact = built_artifact(request_for("austen-mamba")).folder();
  const CommandResult flags = run_command(
      fmt::format("PKG_CONFIG_PATH={}/lib/pkgconfig pkg-config --cflags --libs austen_mamba", artifact.string()));
  EXPECT_EQ(flags.exit_code, 0) << flags.output;
  EXPECT_NE(flags.output.find("libausten_mamba.a"), std::string::npos) << flags.output;
}

}  // namespace
}  // namespace mambac
