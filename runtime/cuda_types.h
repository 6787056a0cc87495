// What kernels on a GPU hold weights and activations in.
#pragma once

namespace mambac_runtime {

// The upper half of a float.
struct bfloat16 {
  unsigned short bits;
};

// IEEE's: eight times as precise as bfloat16, infinite above 65504. What tensor cores multiply, and what lies between
// their products; a bfloat16 of 6.1e-5 to 65280 is one, a smaller one is rounded by 3e-8 at most.
struct float16 {
  unsigned short bits;
};

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(bfloat16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }
__device__ inline float to_float(float16 value) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
  return result;
}

// The nearest bfloat16, ties to even; a NaN stays one.
__device__ inline bfloat16 to_bfloat16(float value) {
  const unsigned bits = __float_as_uint(value);
  const unsigned rounded = value == value ? bits + 0x7fff + (bits >> 16 & 1) : bits | 0x400000;
  return {static_cast<unsigned short>(rounded >> 16)};
}

}  // namespace mambac_runtime
