// The first thing a language model does: a token becomes a row of the residual stream.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = the tokens' rows of table (vocabulary, `Size`).
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int OutputStride, typename Weight, int Parts>
inline void embed(const Weight* table, const std::int32_t* tokens, float* output, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    const Weight* from = table + static_cast<long>(tokens[row]) * Size;
    for (int index = 0; index < Size; ++index) output[row * OutputStride + index] = to_float(from[index]);
  }
}

}  // namespace mambac
