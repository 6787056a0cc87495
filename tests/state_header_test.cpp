#include "runtime/state_header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace mambac {
namespace {

using mambac_runtime::has_state_header;
using mambac_runtime::make_state_header;
using mambac_runtime::reset_state;
using mambac_runtime::StateHeader;

constexpr StateHeader header = make_state_header("0123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210");
constexpr StateHeader other = make_state_header("0123456789abcdeffedcba98765432100123456789abcdeffedcba9876543211");

// The layout is frozen: saved states outlive libraries.
TEST(StateHeader, LiesAsDocumented) {
  std::vector<unsigned char> state(256, 0xff);
  reset_state(state.data(), 200, header);
  EXPECT_EQ(std::memcmp(state.data(), "MAMBACST\1\0\0\0\1\0\0\0", 16), 0);
  const std::vector<unsigned char> hash{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                        0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
  EXPECT_TRUE(std::equal(hash.begin(), hash.end(), state.begin() + 16));
  EXPECT_TRUE(std::equal(hash.begin(), hash.end(), state.begin() + 32));
  const auto is = [](unsigned char value) { return [value](unsigned char byte) { return byte == value; }; };
  EXPECT_TRUE(std::all_of(state.begin() + 48, state.begin() + 200, is(0)));
  EXPECT_TRUE(std::all_of(state.begin() + 200, state.end(), is(0xff))) << "wrote past the state";
}

TEST(StateHeader, IsFoundAgainAtAnyAddress) {
  std::vector<unsigned char> memory(256, 0xff);
  for (int shift = 0; shift < 64; ++shift) {
    reset_state(memory.data() + shift, 128, header);
    EXPECT_TRUE(has_state_header(memory.data() + shift, header));
    EXPECT_FALSE(has_state_header(memory.data() + shift, other));
  }
}

TEST(StateHeader, OfAStateThatWasNeverResetIsNone) {
  EXPECT_FALSE(has_state_header(std::vector<unsigned char>(64).data(), header));
}

TEST(StateHeader, IsNotFoundWithAnyBitFlipped) {
  std::vector<unsigned char> state(128);
  reset_state(state.data(), state.size(), header);
  for (int bit = 0; bit < 128 * 8; ++bit) {
    state[bit / 8] ^= 1 << bit % 8;
    EXPECT_EQ(has_state_header(state.data(), header), bit >= 64 * 8) << "bit " << bit;
    state[bit / 8] ^= 1 << bit % 8;
  }
}

}  // namespace
}  // namespace mambac
