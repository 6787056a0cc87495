// What kernels on a GPU hold weights in.
#pragma once

namespace mambac_runtime {

// The upper half of a float.
struct bfloat16 {
  unsigned short bits;
};

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(bfloat16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }

// The nearest bfloat16, ties to even; a NaN stays one.
__device__ inline bfloat16 to_bfloat16(float value) {
  const unsigned bits = __float_as_uint(value);
  const unsigned rounded = value == value ? bits + 0x7fff + (bits >> 16 & 1) : bits | 0x400000;
  return {static_cast<unsigned short>(rounded >> 16)};
}

}  // namespace mambac_runtime
