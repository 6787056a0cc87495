// Layer norm with bias: the norm of models with `rms_norm: false`.
#pragma once

#include "runtime/reduce.h"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = (input - mean) / sqrt(variance + epsilon) * weight + bias. May be in place.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int InputStride, int OutputStride, int Parts>
inline void layer_norm(const float* weight, const float* bias, const float* input, float epsilon, float* output, int rows,
                int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    const float* from = input + row * InputStride;
    float* to = output + row * OutputStride;
    const float mean = sum_of<Size>(from) / Size;
    for (int index = 0; index < Size; ++index) to[index] = from[index] - mean;
    const float scale = 1.0f / __builtin_sqrtf(sum_of_squares<Size>(to) / Size + epsilon);
    for (int index = 0; index < Size; ++index) to[index] = to[index] * scale * weight[index] + bias[index];
  }
}

}  // namespace mambac
