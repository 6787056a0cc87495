// The gradient of a root mean square norm's weight.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// gradient (`Size`) += the sum over rows of d_output input scale, in the order of the rows; scales are those that
// `rms_norm_backward` left.
// {Parts > 1 ? Threads share the columns: this is `part` of `Parts`.}
template <int Size, int InputStride, int GradientStride, int ScaleStride, int Parts>
inline void rms_norm_gradient(const float* input, const float* d_output, const float* scales, float* gradient, int rows,
                              int part) {
  const int first = Parts == 1 ? 0 : part * Size / Parts;
  const int end = Parts == 1 ? Size : (part + 1) * Size / Parts;
  for (long row = 0; row < rows; ++row) {
    const float* x = input + row * InputStride;
    const float* dy = d_output + row * GradientStride;
    const float scale = scales[row * ScaleStride];
    for (int index = first; index < end; ++index) gradient[index] += dy[index] * (x[index] * scale);
  }
}

}  // namespace mambac
