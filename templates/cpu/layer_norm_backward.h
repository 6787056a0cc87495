// The gradient of a layer norm's input.
#pragma once

#include "runtime/reduce.h"

namespace mambac {

using namespace mambac_runtime;

// With mean and scale = 1 / sqrt(mean((input - mean)^2) + epsilon) of a row, n = (input - mean) scale and
// g = weight d_output:
//   d_input = scale (g - mean(g) - n mean(n g)){Accumulate ? , added to d_input}
// The rows' means and scales are left in moments for `layer_norm_gradient`.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int InputStride, int GradientStride, int OutputStride, int MomentStride, bool Accumulate, int Parts>
inline void layer_norm_backward(const float* weight, const float* input, const float* d_output, float epsilon,
                                float* d_input, float* moments, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    const float* x = input + row * InputStride;
    const float* gradient = d_output + row * GradientStride;
    float* to = d_input + row * OutputStride;
    const float mean = sum_of<Size>(x) / Size;
    float normed[Size], weighted[Size];
    for (int index = 0; index < Size; ++index) normed[index] = x[index] - mean;
    const float scale = 1.0f / __builtin_sqrtf(sum_of_squares<Size>(normed) / Size + epsilon);
    for (int index = 0; index < Size; ++index) {
      normed[index] *= scale;
      weighted[index] = gradient[index] * weight[index];
    }
    const float across = sum_of<Size>(weighted) / Size;
    const float along = sum_of_products<Size>(normed, weighted) / Size;
    for (int index = 0; index < Size; ++index) {
      const float value = scale * (weighted[index] - across - normed[index] * along);
      if constexpr (Accumulate) {
        to[index] += value;
      } else {
        to[index] = value;
      }
    }
    moments[row * MomentStride] = mean;
    moments[row * MomentStride + 1] = scale;
  }
}

}  // namespace mambac
