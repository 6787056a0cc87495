#include "runtime/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mambac_runtime {

namespace {

// Odd, so that multiplication by them is a bijection of 64 bits: the golden ratio, and the square root of two less one.
constexpr uint64_t multiplier = 0x9e3779b97f4a7c15;
constexpr uint64_t seed_step = 0x6a09e667f3bcc909;

// A bijection of either argument while the other is held. Multiplication carries a difference upwards only, so one in
// the top bit stays one bit; the word is spread first so that at least 43 bits of a later one must change to undo that.
inline uint64_t mix(uint64_t lane, uint64_t word) {
  const uint64_t spread = word ^ std::rotl(word, 27) ^ std::rotl(word, 37);
  return std::rotl((lane ^ spread) * multiplier, 32);
}

inline uint64_t word(const std::byte* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

}  // namespace

Checksum::Checksum() {
  for (int lane = 0; lane < lane_count; ++lane) lanes_[lane] = seed_step * (2 * lane + 1);
}

void Checksum::add_blocks(Lanes& lanes, const std::byte* bytes, size_t blocks) {
  // Eight names, not an array: those tempt compilers to memory, or to vector code, whose 64-bit multiplication is
  // slower.
  auto [lane0, lane1, lane2, lane3, lane4, lane5, lane6, lane7] = lanes;
  for (const std::byte* end = bytes + blocks * block_bytes; bytes != end; bytes += block_bytes) {
    lane0 = mix(lane0, word(bytes));
    lane1 = mix(lane1, word(bytes + 8));
    lane2 = mix(lane2, word(bytes + 16));
    lane3 = mix(lane3, word(bytes + 24));
    lane4 = mix(lane4, word(bytes + 32));
    lane5 = mix(lane5, word(bytes + 40));
    lane6 = mix(lane6, word(bytes + 48));
    lane7 = mix(lane7, word(bytes + 56));
  }
  lanes = {lane0, lane1, lane2, lane3, lane4, lane5, lane6, lane7};
}

void Checksum::add(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const size_t filled = length_ % block_bytes;
  length_ += bytes.size();
  if (filled > 0) {
    const size_t taken = std::min(bytes.size(), block_bytes - filled);
    std::memcpy(pending_.data() + filled, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    if (filled + taken < block_bytes) return;
    add_blocks(lanes_, pending_.data(), 1);
  }
  const size_t blocks = bytes.size() / block_bytes;
  add_blocks(lanes_, bytes.data(), blocks);
  bytes = bytes.subspan(blocks * block_bytes);
  if (!bytes.empty()) std::memcpy(pending_.data(), bytes.data(), bytes.size());
}

uint64_t Checksum::value() const {
  Lanes lanes = lanes_;
  if (const size_t filled = length_ % block_bytes; filled > 0) {
    std::array<std::byte, block_bytes> last{};  // filled up with zeros; the length tells them from zeros of the input
    std::memcpy(last.data(), pending_.data(), filled);
    add_blocks(lanes, last.data(), 1);
  }
  uint64_t value = length_;
  for (const uint64_t lane : lanes) value = mix(value, lane);
  value ^= value >> 32;
  value *= multiplier;
  return value ^ value >> 29;
}

uint64_t checksum(std::span<const std::byte> bytes) {
  Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

}  // namespace mambac_runtime
