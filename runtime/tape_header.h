// The first bytes of a tape: which plan's `train` wrote it, and for how many tokens.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/state_header.h"

namespace mambac_runtime {

struct TapeHeader {
  std::array<char, 8> magic{'M', 'A', 'M', 'B', 'A', 'C', 'T', 'P'};
  int32_t count = 0;  // tokens of each sequence; 0: nothing was kept
  uint32_t zero = 0;
  std::array<uint8_t, 32> plan_hash{};
  std::array<uint8_t, 16> zeros{};
};
static_assert(sizeof(TapeHeader) == 64);

// The header of a plan's tapes, from the 64 hexadecimal digits of the plan's hash; a literal of the artifact.
consteval TapeHeader make_tape_header(const char (&plan_hash)[65]) {
  TapeHeader header;
  header.plan_hash = make_state_header(plan_hash).model_hash;
  return header;
}

inline void begin_tape(void* tape, TapeHeader header, int32_t count) {
  header.count = count;
  std::memcpy(tape, &header, sizeof header);
}

// The tokens that a tape holds; 0 if it is not one of this plan.
inline int32_t count_of_tape(const void* tape, TapeHeader expected) {
  TapeHeader found;
  std::memcpy(&found, tape, sizeof found);
  expected.count = found.count;
  using Words = std::array<uint64_t, 8>;
  const Words left = std::bit_cast<Words>(found), right = std::bit_cast<Words>(expected);
  uint64_t difference = 0;
  for (int word = 0; word < 8; ++word) difference |= left[word] ^ right[word];
  return difference == 0 ? found.count : 0;
}

// What follows the header.
inline float* values_of_tape(void* tape) {
  return reinterpret_cast<float*>(static_cast<unsigned char*>(tape) + sizeof(TapeHeader));
}
inline const float* values_of_tape(const void* tape) {
  return reinterpret_cast<const float*>(static_cast<const unsigned char*>(tape) + sizeof(TapeHeader));
}

}  // namespace mambac_runtime
