// The gradient of a root mean square norm's input.
#pragma once

#include "runtime/reduce.h"

namespace mambac {

using namespace mambac_runtime;

// With scale = 1 / sqrt(mean(input^2) + epsilon) and g = {Weighted ? weight }d_output, for every row:
//   d_input = scale (g - input scale^2 mean(input g)){Accumulate ? , added to d_input}
// {Weighted ? The rows' scales are left in scales for `rms_norm_gradient`.}
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int InputStride, int GradientStride, int OutputStride, int ScaleStride, bool Weighted,
          bool Accumulate, int Parts>
inline void rms_norm_backward(const float* weight, const float* input, const float* d_output, float epsilon,
                              float* d_input, float* scales, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    const float* x = input + row * InputStride;
    const float* gradient = d_output + row * GradientStride;
    float* to = d_input + row * OutputStride;
    const float scale = 1.0f / __builtin_sqrtf(sum_of_squares<Size>(x) / Size + epsilon);
    float weighted[Size];
    for (int index = 0; index < Size; ++index) {
      if constexpr (Weighted) {
        weighted[index] = gradient[index] * weight[index];
      } else {
        weighted[index] = gradient[index];
      }
    }
    const float along = scale * scale * (sum_of_products<Size>(x, weighted) / Size);
    for (int index = 0; index < Size; ++index) {
      const float value = scale * (weighted[index] - x[index] * along);
      if constexpr (Accumulate) {
        to[index] += value;
      } else {
        to[index] = value;
      }
    }
    if constexpr (Weighted) scales[row * ScaleStride] = scale;
  }
}

}  // namespace mambac
