// Functions from the special function unit of a GPU, for kernels whose results are rounded to float16 all the same.
#pragma once

namespace mambac_runtime {

// 2^x, within 2 units in the last place; results below 2^-126 are zero.
__device__ inline float approximate_exp2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// x / (1 + exp(-x)), within 1e-6 of itself.
__device__ inline float approximate_silu(float x) { return __fdividef(x, 1.0f + approximate_exp2(x * -1.44269504f)); }

// log(1 + exp(x)), within 1e-5 of itself: the logarithm near 1 by its series, whose next term is below that.
__device__ inline float approximate_softplus(float x) {
  const float e = approximate_exp2(fabsf(x) * -1.44269504f);
  const float series = e * (1.0f - e * (0.5f - e * (0.33333333f - e * 0.25f)));
  float logarithm;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(logarithm) : "f"(1.0f + e));
  logarithm = e < 0.05f ? series : logarithm * 0.693147181f;
  return (x < 0.0f ? 0.0f : x) + logarithm;
}

}  // namespace mambac_runtime
