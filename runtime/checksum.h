// A 64-bit checksum that runs near the bandwidth of memory: eight independent lanes over blocks of 64 bytes, one
// multiplication per eight bytes.
//
// What it guarantees: two inputs of the same length that differ only inside one aligned word of eight bytes, in one bit
// or in all, never have the same value, since every operation is a bijection of the word and of what follows from it.
// Any other damage (swapped blocks, many bits, another length) is missed with a probability of about 2^-64. It is not
// cryptographic: who can write the file can write its checksums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mambac_runtime {

// Takes its input in pieces; the value does not depend on how it was cut.
class Checksum {
 public:
  Checksum();
  void add(std::span<const std::byte> bytes);
  uint64_t value() const;  // of everything added so far

 private:
  static constexpr size_t block_bytes = 64;
  static constexpr int lane_count = 8;
  using Lanes = std::array<uint64_t, lane_count>;

  static void add_blocks(Lanes& lanes, const std::byte* bytes, size_t blocks);

  Lanes lanes_;
  std::array<std::byte, block_bytes> pending_{};  // the last `length_ % block_bytes` bytes
  uint64_t length_ = 0;
};

uint64_t checksum(std::span<const std::byte> bytes);

}  // namespace mambac_runtime
