// The gradients of a layer norm's weight and bias.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// gradient (`Size`) += the sum over rows of d_output (input - mean) scale, bias_gradient (`Size`) += that of d_output,
// in the order of the rows; moments are those that `layer_norm_backward` left.
// {Parts > 1 ? Threads share the columns: this is `part` of `Parts`.}
template <int Size, int InputStride, int GradientStride, int MomentStride, int Parts>
inline void layer_norm_gradient(const float* input, const float* d_output, const float* moments, float* gradient,
                                float* bias_gradient, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * Size / Parts;
  const int end = Parts == 1 ? Size : (part + 1) * Size / Parts;
  for (long row = 0; row < rows; ++row) {
    const float* x = input + row * InputStride;
    const float* dy = d_output + row * GradientStride;
    const float mean = moments[row * MomentStride], scale = moments[row * MomentStride + 1];
    for (int index = first; index < end; ++index) {
      gradient[index] += dy[index] * ((x[index] - mean) * scale);
      bias_gradient[index] += dy[index];
    }
  }
}

}  // namespace mambac
