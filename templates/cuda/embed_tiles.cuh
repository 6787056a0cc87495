// A token becomes a row of the residual stream, from an embedding that lies in tiles because it is the head as well.
#pragma once

#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = the tokens' rows of table (`TableRows` in tiles, `Size`); a block for each row. No host has
// looked at the tokens: one that is not below `Vocabulary` becomes NaN, and so does every output that depends on it.
template <int Vocabulary, int Size, int TableRows, int OutputStride, int Threads>
__global__ void __launch_bounds__(Threads) embed_tiles(const float16* table, const int* tokens, float* output) {
  const long row = blockIdx.y;
  const int token = tokens[row];
  const bool known = token >= 0 && token < Vocabulary;
  float* to = output + row * OutputStride;
  for (int index = threadIdx.x; index < Size; index += Threads) {
    to[index] = known ? to_float(table[tile_offset<TableRows>(token, index)]) : __uint_as_float(0x7fc00000);
  }
}

}  // namespace mambac
