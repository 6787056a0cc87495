// LayerNorm with a bias, for models that are configured without RMSNorm.
#pragma once

#include "templates/cuda/sum_of_block.cuh"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = (input - mean) / sqrt(variance + epsilon) * weight + bias; a block for each row. The input's
// rows lie `rows_apart` rows apart.
template <int Size, int InputStride, int OutputStride, int Threads>
__global__ void __launch_bounds__(Threads) layer_norm(const float* weight, const float* bias, const float* input,
                                                      int rows_apart, float epsilon, float* output) {
  const long row = blockIdx.y;
  const float* from = input + row * rows_apart * InputStride;
  float* to = output + row * OutputStride;
  float sum = 0.0f;
  for (int index = threadIdx.x; index < Size; index += Threads) sum += from[index];
  const float mean = sum_of_block<Threads>(sum) / Size;
  float squares = 0.0f;
  for (int index = threadIdx.x; index < Size; index += Threads) {
    const float difference = from[index] - mean;
    squares += difference * difference;
  }
  const float scale = 1.0f / sqrtf(sum_of_block<Threads>(squares) / Size + epsilon);
  for (int index = threadIdx.x; index < Size; index += Threads) {
    to[index] = (from[index] - mean) * scale * weight[index] + bias[index];
  }
}

}  // namespace mambac
