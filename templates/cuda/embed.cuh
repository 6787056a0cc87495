// The first thing a language model does: a token becomes a row of the residual stream.
#pragma once

#include "runtime/cuda_types.h"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = the tokens' rows of table (`Vocabulary`, `Size`); a block for each row. No host has looked at
// the tokens: one outside of the vocabulary becomes NaN, and so does every output that depends on it.
template <int Vocabulary, int Size, int OutputStride, typename Weight, int Threads>
__global__ void __launch_bounds__(Threads) embed(const Weight* table, const int* tokens, float* output) {
  const long row = blockIdx.y;
  const int token = tokens[row];
  const bool known = token >= 0 && token < Vocabulary;
  const Weight* from = table + static_cast<long>(known ? token : 0) * Size;
  float* to = output + row * OutputStride;
  for (int index = threadIdx.x; index < Size; index += Threads) {
    to[index] = known ? to_float(from[index]) : __uint_as_float(0x7fc00000);
  }
}

}  // namespace mambac
