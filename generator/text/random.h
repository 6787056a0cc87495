// Random numbers that are the same on every machine, by position: SplitMix64 (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>

namespace mambac {

// 64 random bits: the output number `position` of the generator that starts at `seed`.
constexpr uint64_t random_bits(uint64_t seed, uint64_t position) {
  uint64_t bits = seed + (position + 1) * 0x9E3779B97F4A7C15u;
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
  return bits ^ bits >> 31;
}

// Uniform in [0, 1), a multiple of 2^-53.
constexpr double random_uniform(uint64_t seed, uint64_t position) {
  return static_cast<double>(random_bits(seed, position) >> 11) * 0x1p-53;
}

}  // namespace mambac
