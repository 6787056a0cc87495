// Root mean square norm: before every mixer, before the head, and on FalconMamba's delta, B and C.
#pragma once

#include "templates/cuda/sum_of_block.cuh"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = input / sqrt(mean(input^2) + epsilon), times weight (`Size`) if there is one; a block for each
// row. The input's rows lie `rows_apart` rows apart. May be in place.
template <int Size, int InputStride, int OutputStride, bool Weighted, int Threads>
__global__ void __launch_bounds__(Threads)
    rms_norm(const float* weight, const float* input, int rows_apart, float epsilon, float* output) {
  const long row = blockIdx.y;
  const float* from = input + row * rows_apart * InputStride;
  float* to = output + row * OutputStride;
  float squares = 0.0f;
  for (int index = threadIdx.x; index < Size; index += Threads) squares += from[index] * from[index];
  const float scale = 1.0f / sqrtf(sum_of_block<Threads>(squares) / Size + epsilon);
  for (int index = threadIdx.x; index < Size; index += Threads) {
    if constexpr (Weighted) {
      to[index] = from[index] * scale * weight[index];
    } else {
      to[index] = from[index] * scale;
    }
  }
}

}  // namespace mambac
