// Names of artifacts: which are made, which are refused, and that those which are taken build everywhere.
#include "generator/build/library_name.h"

#include <gtest/gtest.h>

#include "tests/built_artifact.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

TEST(LibraryName, ComesFromTheFolder) {
  EXPECT_EQ(library_name_of("mamba-1.4b"), "mamba_1_4b");
  EXPECT_EQ(library_name_of("Austen"), "austen");
  EXPECT_EQ(library_name_of("7b"), "model_7b");
  EXPECT_EQ(library_name_of("_x"), "model__x");
  EXPECT_EQ(library_name_of(""), "model_");
}

TEST(LibraryName, OfAFolderIsAlwaysOneThatIsTaken) {
  for (const std::string& folder : {std::string("mambac-test"), std::string("time"), std::string("string"),
                                    std::string("test"), std::string("open"), std::string("m"), std::string(80, 'x')}) {
    const std::string name = library_name_of(folder);
    EXPECT_TRUE(name.starts_with("model_")) << name;
    EXPECT_NO_THROW(check_library_name(name)) << name;
  }
}

TEST(LibraryName, ThatHidesSomethingIsRefusedWithItsReason) {
  const auto complaint = [](const std::string& name) {
    return error_message([&] { check_library_name(name); }, ExitCode::usage);
  };
  for (const char* name : {"string", "time", "math", "sched", "Time", "immintrin"}) {
    EXPECT_NE(complaint(name).find(".h would hide the system's header"), std::string::npos) << complaint(name);
  }
  EXPECT_EQ(complaint("time"), "--name time: time.h would hide the system's header time.h; choose another name");
  EXPECT_NE(complaint("m").find("libm.a would hide"), std::string::npos) << complaint("m");
  EXPECT_NE(complaint("install").find("CMake keeps"), std::string::npos) << complaint("install");
  EXPECT_NE(complaint("any").find("begin with that word"), std::string::npos) << complaint("any");
  EXPECT_NE(complaint("mambac_x").find("begin with 'mambac'"), std::string::npos) << complaint("mambac_x");
  for (const char* name : {"", "3d", "a-b", "a b", "_a"}) {
    EXPECT_NE(complaint(name).find("must be 1 to 64 letters"), std::string::npos) << complaint(name);
  }
}

// The runtime has a checksum.cpp of its own.
TEST(LibraryName, OfAFileOfTheRuntimeBuildsByMambacAndByCmake) {
  const fs::path folder = test_folder() / "artifact";
  BuildRequest request = request_for("mamba1-tiny");
  request.isa = "x86-64-v3";
  request.name = "checksum";
  build_artifact(request, folder, true);
  EXPECT_NO_THROW(Artifact{folder});
  const CommandResult result = run_command(fmt::format(
      "cmake -S {0} -B {0}/build && cmake --build {0}/build -j2 && cd {0}/build && ctest", folder.string()));
  EXPECT_EQ(result.exit_code, 0) << result.output;
}

}  // namespace
}  // namespace mambac
