#include "runtime/weights_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

#include "runtime/weights_format.h"
#include "tests/weights_file_builder.h"

namespace mambac {
namespace {

using mambac_runtime::close_weights;
using mambac_runtime::ExpectedWeights;
using mambac_runtime::open_weights;
using mambac_runtime::weights_from_memory;
using Bytes = std::vector<std::byte>;

constexpr size_t data_offset = 4096;
constexpr size_t file_bytes = 4096 + 256;

struct Answer {
  int status;
  std::string message;
};

Answer read(const Bytes& bytes, const ExpectedWeights& expected = WeightsFileBuilder::expected()) {
  const WeightsMemory memory(bytes);
  mambac_weights weights{nullptr, &weights, 1};  // nonsense, to be cleared
  char message[400] = "untouched";
  const int status = weights_from_memory(memory.data(), memory.size(), expected, &weights, message, sizeof(message));
  EXPECT_EQ(weights.mapping, nullptr);
  EXPECT_EQ(weights.mapped_bytes, 0u);
  const auto* data = reinterpret_cast<const unsigned char*>(memory.data()) + data_offset;
  EXPECT_EQ(weights.data, status == MAMBAC_OK ? data : nullptr);
  return {status, message};
}

// The answer to a file that was bent and then given a true checksum of the header.
Answer read_lie(const std::function<void(WeightsFileBuilder&)>& bend) {
  WeightsFileBuilder builder;
  bend(builder);
  builder.seal();
  return read(builder.bytes());
}

void expect(const Answer& answer, int status, const std::string& message) {
  EXPECT_EQ(answer.status, status);
  EXPECT_EQ(answer.message, message);
}

constexpr const char* damaged_header =
    "weights in memory: damaged: the header or the table of tensors does not match its checksum: rebuild with mambac "
    "build";

std::string misplaced(const std::string& name) {
  return "weights in memory: damaged: tensor '" + name +
         "' is not inside the data, aligned and after the one before it: rebuild with mambac build";
}

// A file on disk for as long as the test runs.
class WeightsOnDisk : public testing::Test {
 protected:
  void write(const Bytes& bytes) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    for (const std::byte byte : bytes) std::fputc(static_cast<int>(byte), file);
    ASSERT_EQ(std::fclose(file), 0);
  }
  Answer open() {
    char message[400] = "untouched";
    const int status = open_weights(path.c_str(), WeightsFileBuilder::expected(), &weights, message, sizeof(message));
    return {status, message};
  }
  void TearDown() override {
    close_weights(&weights);
    std::filesystem::remove(path);
  }

  const std::string path = testing::TempDir() + "weights_file_test." + std::to_string(getpid());
  mambac_weights weights{};
};

TEST(WeightsFormat, LiesAsDocumented) {
  const Bytes bytes = WeightsFileBuilder().bytes();
  ASSERT_EQ(bytes.size(), file_bytes);
  EXPECT_EQ(std::memcmp(bytes.data(), "MAMBACWF\1\0\0\0\0\1\0\0", 16), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 48, WeightsFileBuilder::plan_hash, 64), 0);
  EXPECT_STREQ(reinterpret_cast<const char*>(bytes.data() + 112), "tiny");
  EXPECT_STREQ(reinterpret_cast<const char*>(bytes.data() + 208), "1.2.3");
  EXPECT_STREQ(reinterpret_cast<const char*>(bytes.data() + 256), "embedding");
  EXPECT_STREQ(reinterpret_cast<const char*>(bytes.data() + 256 + 88), "layers.0.in_proj");
  EXPECT_EQ(bytes[data_offset], std::byte{1});
  EXPECT_EQ(bytes[data_offset + 128], std::byte{129});
  EXPECT_EQ(mambac_runtime::weights_data_offset(43), 4096u);
  EXPECT_EQ(mambac_runtime::weights_data_offset(44), 8192u);
}

TEST(WeightsFormat, CutsLongNamesAndComparesWhatIsLeft) {
  char name[8];
  mambac_runtime::set_name(name, "a name that is too long");
  EXPECT_STREQ(name, "a name ");
  EXPECT_TRUE(mambac_runtime::has_name(name, "a name that is another one"));
  EXPECT_FALSE(mambac_runtime::has_name(name, "a name"));
}

TEST(WeightsInMemory, AreUsedWhereTheyLie) { expect(read(WeightsFileBuilder().bytes()), MAMBAC_OK, ""); }

TEST(WeightsInMemory, WithAnyBitFlippedAreRefused) {
  Bytes bytes = WeightsFileBuilder().bytes();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << bit % 8;
    const Answer answer = read(bytes);
    EXPECT_TRUE(answer.status == MAMBAC_DAMAGED_WEIGHTS || (bit < 96 && answer.status == MAMBAC_WRONG_WEIGHTS))
        << "bit " << bit << ": " << answer.status << " " << answer.message;
    bytes[bit / 8] ^= std::byte{1} << bit % 8;
  }
}

TEST(WeightsInMemory, TruncatedAnywhereAreRefusedWithBothSizes) {
  const Bytes bytes = WeightsFileBuilder().bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    expect(read(Bytes(bytes.begin(), bytes.begin() + size)), MAMBAC_DAMAGED_WEIGHTS,
           "weights in memory: truncated: expected 4352 bytes, found " + std::to_string(size) +
               ": rebuild with mambac build");
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  expect(read(longer), MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: damaged: expected 4352 bytes, found 4353: rebuild with mambac build");
}

TEST(WeightsInMemory, NameTheDamagedTensor) {
  Bytes bytes = WeightsFileBuilder().bytes();
  bytes[data_offset + 128] ^= std::byte{4};
  expect(
      read(bytes), MAMBAC_DAMAGED_WEIGHTS,
      "weights in memory: damaged: tensor 'layers.0.in_proj' does not match its checksum: rebuild with mambac build");
  bytes = WeightsFileBuilder().bytes();
  bytes[data_offset + 100] = std::byte{1};
  expect(read(bytes), MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: damaged: the bytes before tensor 'layers.0.in_proj' are not zero: rebuild with mambac "
         "build");
  bytes = WeightsFileBuilder().bytes();
  bytes.back() = std::byte{1};
  expect(read(bytes), MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: damaged: the bytes after the last tensor are not zero: rebuild with mambac build");
  bytes = WeightsFileBuilder().bytes();
  bytes[data_offset - 1] = std::byte{1};
  expect(read(bytes), MAMBAC_DAMAGED_WEIGHTS, damaged_header);
}

TEST(WeightsInMemory, OfAnotherKindModelVersionOrPlanAreRefusedByName) {
  const Bytes bytes = WeightsFileBuilder().bytes();
  ExpectedWeights expected = WeightsFileBuilder::expected();
  expected.model_name = "tiny2";
  expect(read(bytes, expected), MAMBAC_WRONG_WEIGHTS,
         "weights in memory: holds the weights of model 'tiny', this library is model 'tiny2'");

  expected = WeightsFileBuilder::expected();
  expected.generator_version = "1.3.0";
  expect(read(bytes, expected), MAMBAC_WRONG_WEIGHTS,
         "weights in memory: was written by mambac 1.2.3, this library by mambac 1.3.0: rebuild with mambac build");

  expected = WeightsFileBuilder::expected();
  expected.plan_hash = "ffff456789abcdeffedcba98765432100123456789abcdeffedcba9876543210";
  expect(read(bytes, expected), MAMBAC_WRONG_WEIGHTS,
         "weights in memory: belongs to another plan of model 'tiny' (deployment or packing differ): its hash begins "
         "0123456789ab, this library's ffff456789ab: rebuild with mambac build");

  expect(read_lie([](WeightsFileBuilder& file) { file.header.format_version = 2; }), MAMBAC_WRONG_WEIGHTS,
         "weights in memory: has format version 2, this library reads version 1: rebuild with mambac build");

  const std::string other_kind =
      "weights in memory: is not a weights file of mambac: give the file that mambac build wrote";
  expect(read_lie([](WeightsFileBuilder& file) { file.header.magic[7] = 'G'; }), MAMBAC_WRONG_WEIGHTS, other_kind);
  expect(read(Bytes(5, std::byte{'{'})), MAMBAC_WRONG_WEIGHTS, other_kind);
  expect(read(Bytes(10000)), MAMBAC_WRONG_WEIGHTS, other_kind);
}

// A header whose checksum is true, about sizes that are not.
TEST(WeightsInMemory, WithLiesInTheHeaderAreRefused) {
  for (const uint64_t count : {0ull, 2ull, 4ull, 44ull, 1ull << 32, 1ull << 60, ~0ull, (~0ull - 256) / 88 + 4}) {
    const Answer answer = read_lie([&](WeightsFileBuilder& file) { file.header.tensor_count = count; });
    EXPECT_EQ(answer.status, MAMBAC_DAMAGED_WEIGHTS) << count;
    EXPECT_EQ(answer.message, damaged_header) << count;
  }
  for (const uint64_t offset : {0ull, 256ull, 4095ull, 8192ull, ~0ull}) {
    expect(read_lie([&](WeightsFileBuilder& file) { file.header.data_offset = offset; }), MAMBAC_DAMAGED_WEIGHTS,
           damaged_header);
  }
  expect(read_lie([](WeightsFileBuilder& file) { file.header.header_bytes = 0; }), MAMBAC_DAMAGED_WEIGHTS,
         damaged_header);
  expect(read_lie([](WeightsFileBuilder& file) { file.header.file_bytes = ~0ull; }), MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: truncated: expected 18446744073709551615 bytes, found 4352: rebuild with mambac build");

  ExpectedWeights expected = WeightsFileBuilder::expected();
  expected.tensor_count = 4;
  expected.file_bytes += 64;
  expect(read(WeightsFileBuilder().bytes(), expected), MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: damaged: has the plan's hash, yet 4352 bytes and 3 tensors instead of 4416 and 4: rebuild "
         "with mambac build");
}

// The same about tensors.
TEST(WeightsInMemory, WithLiesInTheTableAreRefused) {
  const auto read_table = [](size_t tensor, uint64_t offset, uint64_t bytes) {
    return read_lie([=](WeightsFileBuilder& file) {
      file.table[tensor].offset = offset;
      file.table[tensor].bytes = bytes;
    });
  };
  for (const uint64_t offset : {~0ull, ~0ull - 63, 320ull, 130ull, 64ull, 0ull}) {  // outside, misaligned, overlapping
    expect(read_table(1, offset, 64), MAMBAC_DAMAGED_WEIGHTS, misplaced("layers.0.in_proj"));
  }
  for (const uint64_t bytes : {129ull, 1ull << 40, ~0ull, ~0ull - 127}) {
    expect(read_table(1, 128, bytes), MAMBAC_DAMAGED_WEIGHTS, misplaced("layers.0.in_proj"));
  }
  expect(
      read_table(1, 128, 65), MAMBAC_DAMAGED_WEIGHTS,
      "weights in memory: damaged: tensor 'layers.0.in_proj' does not match its checksum: rebuild with mambac build");
  expect(read_lie([](WeightsFileBuilder& file) { std::swap(file.table[0], file.table[1]); }), MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: damaged: the bytes before tensor 'layers.0.in_proj' are not zero: rebuild with mambac "
         "build");
  expect(read_lie([](WeightsFileBuilder& file) { std::memset(file.table[2].name, 'x', 64); }), MAMBAC_OK, "");
  const Answer unterminated = read_lie([](WeightsFileBuilder& file) {
    std::memset(file.table[2].name, 'x', 64);
    file.table[2].checksum ^= 1;
  });
  expect(unterminated, MAMBAC_DAMAGED_WEIGHTS,
         "weights in memory: damaged: tensor '" + std::string(64, 'x') +
             "' does not match its checksum: rebuild with mambac build");
}

TEST(WeightsInMemory, MustBeAlignedAndThere) {
  const WeightsMemory memory(WeightsFileBuilder().bytes());
  const ExpectedWeights expected = WeightsFileBuilder::expected();
  mambac_weights weights{};
  char message[200];
  EXPECT_EQ(weights_from_memory(memory.data() + 32, 4096, expected, &weights, message, 200), MAMBAC_MISALIGNED);
  EXPECT_STREQ(message, "weights_from_memory: the memory is not aligned to 64 bytes");
  EXPECT_EQ(weights_from_memory(nullptr, 4096, expected, &weights, message, 200), MAMBAC_NULL_ARGUMENT);
  EXPECT_STREQ(message, "weights_from_memory: the memory is null");
  EXPECT_EQ(weights_from_memory(memory.data(), 4096, expected, nullptr, message, 200), MAMBAC_NULL_ARGUMENT);
  EXPECT_STREQ(message, "weights_from_memory: the pointer to weights is null");
}

TEST(WeightsInMemory, SayAsMuchAsTheMessageHolds) {
  const ExpectedWeights expected = WeightsFileBuilder::expected();
  mambac_weights weights{};
  char message[] = "untouched";
  EXPECT_EQ(weights_from_memory(nullptr, 0, expected, &weights, message, 6), MAMBAC_NULL_ARGUMENT);
  EXPECT_EQ(std::string(message, 9), std::string("weigh\0hed", 9));
  EXPECT_EQ(weights_from_memory(nullptr, 0, expected, &weights, message, 0), MAMBAC_NULL_ARGUMENT);
  EXPECT_EQ(weights_from_memory(nullptr, 0, expected, &weights, nullptr, 100), MAMBAC_NULL_ARGUMENT);
  const WeightsMemory memory(WeightsFileBuilder().bytes());
  EXPECT_EQ(weights_from_memory(memory.data(), memory.size(), expected, &weights, nullptr, 0), MAMBAC_OK);
}

TEST_F(WeightsOnDisk, AreMappedAndUnmapped) {
  write(WeightsFileBuilder().bytes());
  expect(open(), MAMBAC_OK, "");
  ASSERT_NE(weights.mapping, nullptr);
  EXPECT_EQ(weights.mapped_bytes, file_bytes);
  EXPECT_EQ(weights.data, static_cast<unsigned char*>(weights.mapping) + data_offset);
  EXPECT_EQ(std::memcmp(weights.data, WeightsFileBuilder().data.data(), 256), 0);
  std::filesystem::remove(path);  // the mapping outlives the name
  EXPECT_EQ(weights.data[128], 129);
  close_weights(&weights);
  EXPECT_EQ(weights.data, nullptr);
  EXPECT_EQ(weights.mapping, nullptr);
  close_weights(&weights);
  close_weights(nullptr);
}

TEST_F(WeightsOnDisk, LeaveNothingOpenWhenTheyAreRefused) {
  Bytes bytes = WeightsFileBuilder().bytes();
  bytes.back() = std::byte{1};
  write(bytes);
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = descriptors();
  expect(open(), MAMBAC_DAMAGED_WEIGHTS,
         path + ": damaged: the bytes after the last tensor are not zero: rebuild with mambac build");
  EXPECT_EQ(weights.mapping, nullptr);
  EXPECT_EQ(descriptors(), before);
}

TEST_F(WeightsOnDisk, ThatAreMissingOrNoFileAreRefused) {
  expect(open(), MAMBAC_FILE_ERROR, path + ": cannot be opened: No such file or directory");
  write({});
  expect(open(), MAMBAC_DAMAGED_WEIGHTS, path + ": truncated: expected 4352 bytes, found 0: rebuild with mambac build");
  char message[200];
  EXPECT_EQ(open_weights("/", WeightsFileBuilder::expected(), &weights, message, 200), MAMBAC_FILE_ERROR);
  EXPECT_STREQ(message, "/: is not a file");
  EXPECT_EQ(open_weights(nullptr, WeightsFileBuilder::expected(), &weights, message, 200), MAMBAC_NULL_ARGUMENT);
  EXPECT_STREQ(message, "weights_open: the path is null");
  EXPECT_EQ(open_weights("/", WeightsFileBuilder::expected(), nullptr, message, 200), MAMBAC_NULL_ARGUMENT);
  EXPECT_STREQ(message, "weights_open: the pointer to weights is null");
}

}  // namespace
}  // namespace mambac
