// The first bytes of a state: whose it is. What follows is the model's own layout, the same for every artifact of the
// model (docs: compatibility of weights and state files).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/any_machine.h"

namespace mambac_runtime {

static_assert(std::endian::native == std::endian::little, "states are saved and read as little-endian");

struct StateHeader {
  std::array<char, 8> magic{'M', 'A', 'M', 'B', 'A', 'C', 'S', 'T'};
  uint32_t version = 1;  // of the layout
  uint32_t sequences = 1;  // that the state holds
  std::array<uint8_t, 32> model_hash{};
  std::array<uint8_t, 16> zeros{};
};
static_assert(sizeof(StateHeader) == 64);

// Not defined: a call makes the constant expression below wrong, so that the compiler stops there.
void model_hash_needs_64_hexadecimal_digits();

// The header of a model's states, from the 64 hexadecimal digits of the model's hash; a literal of the artifact.
consteval StateHeader make_state_header(const char (&model_hash)[65], uint32_t sequences = 1) {
  StateHeader header;
  header.sequences = sequences;
  for (int digit = 0; digit < 64; ++digit) {
    const char character = model_hash[digit];
    uint8_t value = 0;
    if (character >= '0' && character <= '9') {
      value = static_cast<uint8_t>(character - '0');
    } else if (character >= 'a' && character <= 'f') {
      value = static_cast<uint8_t>(character - 'a' + 10);
    } else {
      model_hash_needs_64_hexadecimal_digits();
    }
    uint8_t& byte = header.model_hash[digit / 2];
    byte = static_cast<uint8_t>(byte << 4 | value);
  }
  return header;
}

// A fresh state of `bytes` bytes: the header, then zeros.
MAMBAC_ANY_MACHINE void reset_state(void* state, size_t bytes, const StateHeader& header);

// Whether `state` begins with `header`. Looks at all 64 bytes whatever they are.
inline bool has_state_header(const void* state, const StateHeader& header) {
  using Words = std::array<uint64_t, 8>;
  const Words expected = std::bit_cast<Words>(header);
  Words found;
  std::memcpy(&found, state, sizeof(found));
  uint64_t difference = 0;
  for (int word = 0; word < 8; ++word) difference |= found[word] ^ expected[word];
  return difference == 0;
}

}  // namespace mambac_runtime
