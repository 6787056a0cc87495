// Sums over a row, always in the same order: 16 strands side by side, then pairwise.
#pragma once

namespace mambac_runtime {

inline float sum_of_strands(const float (&strand)[16]) {
  float eight[8], four[4];
  for (int index = 0; index < 8; ++index) eight[index] = strand[index] + strand[index + 8];
  for (int index = 0; index < 4; ++index) four[index] = eight[index] + eight[index + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// Sum of `Size` floats.
template <int Size>
inline float sum_of(const float* values) {
  float strand[16] = {};
  for (int index = 0; index < Size / 16 * 16; index += 16) {
    for (int lane = 0; lane < 16; ++lane) strand[lane] += values[index + lane];
  }
  for (int index = Size / 16 * 16; index < Size; ++index) strand[index % 16] += values[index];
  return sum_of_strands(strand);
}

// Sum of the squares of `Size` floats.
template <int Size>
inline float sum_of_squares(const float* values) {
  float strand[16] = {};
  for (int index = 0; index < Size / 16 * 16; index += 16) {
    for (int lane = 0; lane < 16; ++lane) strand[lane] += values[index + lane] * values[index + lane];
  }
  for (int index = Size / 16 * 16; index < Size; ++index) strand[index % 16] += values[index] * values[index];
  return sum_of_strands(strand);
}

// Sum of the products of `Size` pairs of floats.
template <int Size>
inline float sum_of_products(const float* left, const float* right) {
  float strand[16] = {};
  for (int index = 0; index < Size / 16 * 16; index += 16) {
    for (int lane = 0; lane < 16; ++lane) strand[lane] += left[index + lane] * right[index + lane];
  }
  for (int index = Size / 16 * 16; index < Size; ++index) strand[index % 16] += left[index] * right[index];
  return sum_of_strands(strand);
}

}  // namespace mambac_runtime
