#include "runtime/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string_view>
#include <vector>

namespace mambac {
namespace {

using mambac_runtime::checksum;
using mambac_runtime::Checksum;
using Bytes = std::vector<std::byte>;

Bytes random_bytes(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

// Worked out by a second implementation with unlimited integers; a change would orphan every weights file.
TEST(Checksum, IsFrozen) {
  EXPECT_EQ(checksum({}), 0xd2edf3630e065460u);
  EXPECT_EQ(checksum(std::as_bytes(std::span(std::string_view("mambac")))), 0x34958e12dec724c9u);
  Bytes thousand(1000);
  for (size_t i = 0; i < thousand.size(); ++i) thousand[i] = static_cast<std::byte>(i * 7);
  EXPECT_EQ(checksum(thousand), 0x81969bf13c88dd45u);
}

TEST(Checksum, DoesNotDependOnHowTheInputIsCut) {
  const Bytes bytes = random_bytes(500, 1);
  const uint64_t whole = checksum(bytes);
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    Checksum pieces;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      pieces.add(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
      pieces.add({});
    }
    EXPECT_EQ(pieces.value(), whole) << "pieces of " << piece;
  }
}

TEST(Checksum, ValueCanBeAskedForOnTheWay) {
  const Bytes bytes = random_bytes(300, 2);
  Checksum running;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(running.value(), checksum(std::span(bytes).first(size)));
    running.add(std::span(bytes).subspan(size, 1));
  }
}

TEST(Checksum, SeesEveryFlippedBitAndEveryPairOfThem) {
  Bytes bytes = random_bytes(128 + 9, 3);
  const size_t bits = bytes.size() * 8;
  const auto flip = [&](size_t bit) { bytes[bit / 8] ^= std::byte{1} << bit % 8; };
  std::vector<uint64_t> values{checksum(bytes)};
  for (size_t first = 0; first < bits; ++first) {
    flip(first);
    values.push_back(checksum(bytes));
    for (size_t second = 0; second < first; ++second) {
      flip(second);
      values.push_back(checksum(bytes));
      flip(second);
    }
    flip(first);
  }
  ASSERT_EQ(values.size(), 1 + bits + bits * (bits - 1) / 2);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(std::adjacent_find(values.begin(), values.end()), values.end()) << "two of the inputs have one value";
}

TEST(Checksum, SeesSwappedBlocksAndWords) {
  for (const size_t unit : {8, 64}) {
    const Bytes bytes = random_bytes(40 * unit, 4);
    for (size_t first = 0; first < 40; ++first) {
      for (size_t second = first + 1; second < 40; ++second) {
        Bytes swapped = bytes;
        std::swap_ranges(swapped.begin() + first * unit, swapped.begin() + (first + 1) * unit,
                         swapped.begin() + second * unit);
        EXPECT_NE(checksum(swapped), checksum(bytes)) << "units of " << unit << ": " << first << " and " << second;
      }
    }
  }
}

TEST(Checksum, TellsLengthsOfZerosApart) {
  std::set<uint64_t> values;
  for (size_t size = 0; size <= 300; ++size) EXPECT_TRUE(values.insert(checksum(Bytes(size))).second) << size;
}

}  // namespace
}  // namespace mambac
