// Decode's recurrence: one token of a warp's channels.
#pragma once

#include "runtime/cuda_mathematics.h"
#include "runtime/cuda_types.h"

namespace mambac {

using namespace mambac_runtime;

// Two weights that lie together.
template <typename Weight>
__device__ inline float2 pair_at(const unsigned char* weights, int pair) {
  if constexpr (sizeof(Weight) == 4) {
    return *reinterpret_cast<const float2*>(weights + pair * 8);
  } else {
    const unsigned both = *reinterpret_cast<const unsigned*>(weights + pair * 4);
    return make_float2(__uint_as_float(both << 16), __uint_as_float(both & 0xffff0000));
  }
}

// A half warp's channel: delta before softplus without the bias, dt_proj's row . dt. dt has an even number of values,
// padded with zero.
template <typename Weight, int Rank>
__device__ inline float delta_input(const unsigned char* row, const float* dt) {
  constexpr int pairs = (Rank + 1) / 2;
  const int lane = threadIdx.x % 16;
  float sum = 0.0f;
  for (int first = 0; first < pairs; first += 16) {
    const int pair = first + lane;
    if (pairs % 16 == 0 || pair < pairs) {
      const float2 weight = pair_at<Weight>(row, pair);
      const float2 value = *reinterpret_cast<const float2*>(dt + 2 * pair);
      sum = fmaf(weight.y, value.y, fmaf(weight.x, value.x, sum));
    }
  }
  return sum_of_half_warp(sum);
}

// h = exp(delta A) h + delta x B for the states lane, lane + 16, ... of a channel; returns h C over all of them.
template <int States>
__device__ inline float advance_states(const float* a, float delta, float drive, const float* b, const float* c,
                                       float* h) {
  const int lane = threadIdx.x % 16;
  float sum = 0.0f;
#pragma unroll
  for (int first = 0; first < States; first += 16) {
    const int n = first + lane;
    if (States % 16 == 0 || n < States) {
      h[first / 16] = fmaf(expf(delta * a[n]), h[first / 16], drive * b[n]);
      sum = fmaf(h[first / 16], c[n], sum);
    }
  }
  return sum_of_half_warp(sum);
}

}  // namespace mambac
