// float16, two and two, as a GPU converts them.
#pragma once

#include "runtime/cuda_types.h"

namespace mambac_runtime {

__device__ inline unsigned two_float16(float low, float high) {
  unsigned both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

__device__ inline uint4 eight_float16(const float* values) {
  return make_uint4(two_float16(values[0], values[1]), two_float16(values[2], values[3]),
                    two_float16(values[4], values[5]), two_float16(values[6], values[7]));
}

__device__ inline float2 of_two_float16(unsigned both) {
  return make_float2(to_float(float16{static_cast<unsigned short>(both)}),
                     to_float(float16{static_cast<unsigned short>(both >> 16)}));
}

}  // namespace mambac_runtime
