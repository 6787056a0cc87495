// Root mean square norm: before every mixer, before the head, and on FalconMamba's delta, B and C.
#pragma once

#include "runtime/reduce.h"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = input / sqrt(mean(input^2) + epsilon){Weighted ? , times weight (`Size`)}. May be in
// place.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int InputStride, int OutputStride, bool Weighted, int Parts>
inline void rms_norm(const float* weight, const float* input, float epsilon, float* output, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    const float* from = input + row * InputStride;
    float* to = output + row * OutputStride;
    const float squares = sum_of_squares<Size>(from);
    const float scale = 1.0f / __builtin_sqrtf(squares / Size + epsilon);
    for (int index = 0; index < Size; ++index) {
      if constexpr (Weighted) {
        to[index] = from[index] * scale * weight[index];
      } else {
        to[index] = from[index] * scale;
      }
    }
  }
}

}  // namespace mambac
