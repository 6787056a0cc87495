// The gradient of an embedding: every token's row takes what its uses bring.
#pragma once

#include <cstdint>

namespace mambac {

// gradient (vocabulary, `Size`): row tokens[row] += d_output[row], in the order of the rows.
// {Parts > 1 ? Threads share the columns: this is `part` of `Parts`.}
template <int Size, int GradientStride, int Parts>
inline void embed_gradient(const std::int32_t* tokens, const float* d_output, float* gradient, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * Size / Parts;
  const int end = Parts == 1 ? Size : (part + 1) * Size / Parts;
  for (long row = 0; row < rows; ++row) {
    float* to = gradient + static_cast<long>(tokens[row]) * Size;
    for (int index = first; index < end; ++index) to[index] += d_output[row * GradientStride + index];
  }
}

}  // namespace mambac
