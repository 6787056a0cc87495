// Where commands write: what they replace, what they leave alone, and that nothing half-written stays.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <regex>

#include "generator/file.h"
#include "tests/command.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

TEST(Output, AFolderThatIsNotOursStays) {
  const fs::path folder = test_folder();
  fs::create_directories(folder / "out");
  write_text(folder / "out" / "thesis.txt", "years of work");
  expect_refusal(mambac(fmt::format("generate configs/product-small --out {}", (folder / "out").string())),
                 ExitCode::input, "mambac did not write");
  EXPECT_EQ(read_text(folder / "out" / "thesis.txt"), "years of work");
  expect_only(folder, {"out"});
}

TEST(Output, AnArtifactOfOursIsReplaced) {
  const fs::path folder = test_folder();
  for (const char* model : {"product-small", "product-default"}) {
    const CommandResult result =
        mambac(fmt::format("generate configs/{} --name product --out {}", model, (folder / "out").string()));
    EXPECT_EQ(result.exit_code, 0) << result.output;
  }
  expect_only(folder, {"out"});
}

TEST(Output, OutUnderAFile) {
  const fs::path folder = test_folder();
  write_text(folder / "file", "");
  expect_refusal(mambac(fmt::format("generate configs/product-small --out {}/file/out", folder.string())),
                 ExitCode::environment, "cannot be created");
}

TEST(Output, NoOut) {
  expect_refusal(mambac("generate configs/product-small --out ''"), ExitCode::usage, "--out is empty; name a folder");
}

// An artifact holds its model's config.json, but no weights that another library could be packed from.
TEST(Output, AnArtifactIsNoModel) {
  const fs::path folder = test_folder();
  const std::string out = (folder / "out").string();
  ASSERT_EQ(mambac("generate configs/product-small --out " + out).exit_code, 0);
  expect_refusal(mambac(fmt::format("generate {0} --out {0}", out)), ExitCode::input, "is an artifact, not a model");
}

// What a configuration with fewer layers than its weights would build is another model.
TEST(Output, LayersBeyondTheConfiguration) {
  const fs::path folder = test_folder(), model = folder / "model";
  fs::copy("tests/goldens/mamba1-tiny", model);
  std::string configuration = read_text(model / "config.json");
  configuration =
      std::regex_replace(configuration, std::regex(R"("num_hidden_layers": *\d+)"), R"("num_hidden_layers": 1)");
  fs::permissions(model / "config.json", fs::perms::owner_write, fs::perm_options::add);
  write_text(model / "config.json", configuration);
  expect_refusal(mambac(fmt::format("build {} --out {}", model.string(), (folder / "out").string())), ExitCode::input,
                 "is of a layer that the configuration does not have: 1 layers there");
}

TEST(Output, NoSpaceLeavesNothingBehind) {
  const fs::path folder = test_folder();
  // No file may grow beyond 64 KiB: the weights cannot be written.
  const CommandResult result = run_command(fmt::format(
      "sh -c 'trap \"\" XFSZ; ulimit -f 128; exec generator/mambac build tests/goldens/mamba1-tiny --out {}'",
      (folder / "out").string()));
  EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::environment)) << result.output;
  expect_only(folder, {});
}

// Whatever lies in an artifact's folder and is no part of it survives, wherever it lies.
TEST(Output, FilesOfTheUserInAnArtifactStay) {
  for (const char* file : {"chat.state", "runtime/note.txt", "build/CMakeCache.txt"}) {
    const fs::path folder = test_folder(), out = folder / "out";
    const std::string command = fmt::format("generate configs/product-small --out {}", out.string());
    ASSERT_EQ(mambac(command).exit_code, 0);
    fs::create_directories((out / file).parent_path());
    write_text(out / file, "years of work");
    expect_refusal(mambac(command), ExitCode::input,
                   fmt::format("out: holds {}, which is no part of the artifact", file));
    EXPECT_EQ(read_text(out / file), "years of work");
    expect_only(folder, {"out"});
    fs::remove(out / file);
    EXPECT_EQ(mambac(command).exit_code, 0) << "without the file the artifact is replaced";
  }
}

TEST(Output, AFolderWithoutAListOfFilesIsNotReplaced) {
  const fs::path folder = test_folder(), out = folder / "out";
  const std::string command = fmt::format("generate configs/product-small --out {}", out.string());
  ASSERT_EQ(mambac(command).exit_code, 0);
  fs::remove(out / "artifact.files");
  expect_refusal(mambac(command), ExitCode::input, "out: holds CMakeLists.txt, which is no part of the artifact");
  EXPECT_TRUE(fs::exists(out / "plan.json"));
}

TEST(Output, ALinkToAnArtifactKeepsPointingToIt) {
  const fs::path folder = test_folder();
  for (int build = 0; build < 2; ++build) {
    if (build == 1) fs::create_directory_symlink("out", folder / "link");
    const CommandResult result =
        mambac(fmt::format("generate configs/product-small --out {}/{}", folder.string(), build == 0 ? "out" : "link"));
    EXPECT_EQ(result.exit_code, 0) << result.output;
  }
  expect_only(folder, {"link", "out"});
  EXPECT_EQ(fs::read_symlink(folder / "link"), "out");
}

TEST(Output, AMountPointIsRefusedBeforeAnyWork) {
  const fs::path mount = "/dev/shm";
  if (!fs::exists(mount) || !fs::is_empty(mount)) GTEST_SKIP() << mount << " is not there or not empty";
  expect_refusal(mambac("generate configs/product-small --out /dev/shm"), ExitCode::input,
                 "/dev/shm: is a mount point");
}

TEST(Output, AFolderThatCannotBeMadeIsNamedAsGiven) {
  const CommandResult result = mambac("generate configs/product-small --out /proc/mambac");
  expect_refusal(result, ExitCode::environment, "mambac: /proc/mambac: cannot be created");
}

TEST(Output, InitWritesIntoNoFolderThatHoldsAnything) {
  const fs::path folder = test_folder(), out = folder / "out";
  ASSERT_EQ(mambac(fmt::format("generate configs/product-small --out {}", out.string())).exit_code, 0);
  const std::string configuration = read_text(out / "config.json");
  const std::string init = "init configs/product-default --seed 1 --out ";
  expect_refusal(mambac(init + out.string()), ExitCode::input, "out: is there and is not an empty folder");
  EXPECT_EQ(read_text(out / "config.json"), configuration);
  EXPECT_FALSE(fs::exists(out / "model.safetensors"));
  expect_refusal(mambac(init + (out / "config.json").string()), ExitCode::input, "is not an empty folder");
  fs::create_directory(folder / "empty");
  EXPECT_EQ(mambac(init + (folder / "empty").string()).exit_code, 0);
  expect_only(folder / "empty", {"config.json", "model.safetensors"});
}

TEST(Output, WhatIsNoRegularFileIsNotReplaced) {
  const fs::path folder = test_folder(), pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("pipe", folder / "link");
  for (const char* name : {"pipe", "link"}) {
    EXPECT_EQ(error_message([&] { write_text(folder / name, "text"); }),
              fmt::format("cannot write {}: it is there and is not a regular file", (folder / name).string()));
  }
  EXPECT_TRUE(fs::is_fifo(pipe));
  expect_only(folder, {"link", "pipe"});
}

TEST(Output, AFileIsReplacedWhereItsLinkPoints) {
  const fs::path folder = test_folder();
  write_text(folder / "file", "before");
  fs::create_symlink("file", folder / "link");
  write_text(folder / "link", "after");
  EXPECT_EQ(read_text(folder / "file"), "after");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  expect_only(folder, {"file", "link"});
}

// Interrupts a build as soon as its temporary folder is there.
TEST(Output, AnInterruptedBuildLeavesNothingBehind) {
  for (const auto& [signal, code] : {std::pair("INT", 130), std::pair("TERM", 143)}) {
    const fs::path folder = test_folder();
    const CommandResult result = run_command(fmt::format(
        "bash -c 'set -m; generator/mambac build configs/mamba-130m --out {0}/out & "  // -m: SIGINT is not ignored
        "until ls -A {0} | grep -q . ; do sleep 0.05; done; sleep 0.5; kill -{1} $!; wait $!'",
        folder.string(), signal));
    EXPECT_EQ(result.exit_code, code) << result.output;
    EXPECT_EQ(result.output.find("mambac:"), std::string::npos) << result.output;
    expect_only(folder, {});
  }
}

}  // namespace
}  // namespace mambac
