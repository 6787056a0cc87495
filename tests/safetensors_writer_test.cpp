// Writing files: what is read back, and that a failure leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "generator/checkpoint/safetensors.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

TEST(Writing, GivesWhatIsReadBack) {
  const std::filesystem::path folder = test_folder(), path = folder / "out.safetensors";
  const std::vector<float> floats = {1.5f, -0.0f, std::numeric_limits<float>::denorm_min()};
  const std::vector<double> doubles = {0.1};
  write_safetensors(path, {output_tensor("first", {3}, std::span(floats)),
                           output_tensor("s\"e\n", {1, 1}, doubles),
                           {"none", TensorType::bf16, {0, 4}, {}}});
  const SafetensorsFile file = SafetensorsFile::open(path);
  EXPECT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.at("first").at(2), 0x1p-149);
  EXPECT_TRUE(std::signbit(file.at("first").at(1)));
  EXPECT_EQ(file.at("s\"e\n").type, TensorType::f64);
  EXPECT_EQ(file.at("s\"e\n").at(0), 0.1);
  EXPECT_THAT(file.at("none").shape, ElementsAre(0, 4));
  EXPECT_EQ((read_text(path).size() - 3 * 4 - 8) % 8, 0u);  // the data begins at a multiple of 8
  EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms::owner_all,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_THAT(names_in(folder), ElementsAre("out.safetensors"));
}

TEST(Writing, ReplacesAFileOnlyAtTheEnd) {
  const std::filesystem::path folder = test_folder(), path = folder / "out.safetensors";
  std::ofstream(path) << "before";
  const std::vector<float> values(4);
  {
    SafetensorsWriter writer(path, {{"a", TensorType::f32, {4}}});
    writer.write(std::as_bytes(std::span(values)).first(12));
    EXPECT_EQ(error_message([&] { writer.commit(); }, ExitCode::internal),
              "4 bytes less than the safetensors header describes");
    EXPECT_EQ(error_message([&] { writer.write(std::as_bytes(std::span(values))); }, ExitCode::internal),
              "more data than the safetensors header describes");
    EXPECT_EQ(read_text(path), "before");
  }
  EXPECT_EQ(read_text(path), "before");
  EXPECT_THAT(names_in(folder), ElementsAre("out.safetensors"));
}

// Every failure to write names the file and leaves the folder as it was.
class WritingFails : public testing::Test {
 protected:
  void SetUp() override { folder_ = test_folder(); }

  std::string refusal_at(const std::filesystem::path& path) {
    const std::vector<float> values(10000, 1.0f);
    return error_message([&] { write_safetensors(path, {output_tensor("a", {10000}, std::span(values))}); },
                         ExitCode::environment);
  }

  std::filesystem::path folder_;
};

TEST_F(WritingFails, WithoutTheFolder) {
  const std::filesystem::path path = folder_ / "absent" / "out.safetensors";
  EXPECT_EQ(refusal_at(path), "cannot write " + path.string() + ": No such file or directory");
  EXPECT_THAT(names_in(folder_), IsEmpty());
}

TEST_F(WritingFails, OntoAFolder) {
  std::filesystem::create_directory(folder_ / "out");
  const std::vector<float> values(10, 1.0f);
  EXPECT_EQ(error_message([&] { write_safetensors(folder_ / "out", {output_tensor("a", {10}, std::span(values))}); }),
            "cannot write " + (folder_ / "out").string() + ": it is there and is not a regular file");
  EXPECT_THAT(names_in(folder_), ElementsAre("out"));
}

TEST_F(WritingFails, WithoutPermission) {
  chmod(folder_.c_str(), 0555);
  const bool root = geteuid() == 0;
  if (root && seteuid(65534) != 0) FAIL();  // root may write everywhere
  const std::string message = refusal_at(folder_ / "out.safetensors");
  if (root && seteuid(0) != 0) FAIL();
  chmod(folder_.c_str(), 0755);
  EXPECT_EQ(message, "cannot write " + (folder_ / "out.safetensors").string() + ": Permission denied");
  EXPECT_THAT(names_in(folder_), IsEmpty());
}

TEST_F(WritingFails, WhenThereIsNoSpace) {
  // A limit on the size of files fails in the middle of the data, as a full disk does.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{20000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string message = refusal_at(folder_ / "out.safetensors");
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot write " + (folder_ / "out.safetensors").string() + ": File too large");
  EXPECT_THAT(names_in(folder_), IsEmpty());
}

TEST(AtomicFile, WritesAtOffsetsBesideTheEnd) {
  const std::filesystem::path path = test_folder() / "out";
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  AtomicFile file(path);
  file.write(bytes("header"));
  file.write_at(10, bytes("tail"));
  file.write_at(0, bytes("HEAD"));
  file.write(bytes("...."));
  EXPECT_FALSE(std::filesystem::exists(path));
  file.commit();
  EXPECT_EQ(read_text(path), "HEADer....tail");
}

}  // namespace
}  // namespace mambac
