// Numbers of 16 bits, two and two, as a GPU converts them.
#pragma once

#include "runtime/cuda_types.h"

namespace mambac_runtime {

// IEEE's: eight times as precise as bfloat16, infinite above 65504. For activations that no matrix product reads.
struct float16 {
  unsigned short bits;
};

__device__ inline float to_float(float16 value) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
  return result;
}

__device__ inline unsigned two_bfloat16(float low, float high) {
  unsigned both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

__device__ inline unsigned two_float16(float low, float high) {
  unsigned both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

__device__ inline uint4 eight_bfloat16(const float* values) {
  return make_uint4(two_bfloat16(values[0], values[1]), two_bfloat16(values[2], values[3]),
                    two_bfloat16(values[4], values[5]), two_bfloat16(values[6], values[7]));
}

__device__ inline float2 of_two_bfloat16(unsigned both) {
  return make_float2(__uint_as_float(both << 16), __uint_as_float(both & 0xffff0000));
}

__device__ inline float2 of_two_float16(unsigned both) {
  return make_float2(to_float(float16{static_cast<unsigned short>(both)}),
                     to_float(float16{static_cast<unsigned short>(both >> 16)}));
}

}  // namespace mambac_runtime
