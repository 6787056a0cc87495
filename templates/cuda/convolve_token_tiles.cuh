// One token of the causal depthwise convolution for many sequences, and x_proj of its result on the tensor cores: what
// convolve_tiles and project_tiles are for many tokens.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_cluster.h"
#include "runtime/cuda_halves.h"
#include "runtime/cuda_tensor_cores.h"
#include "templates/cuda/convolve_tiles.cuh"
#include "templates/cuda/norm_tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// x = silu(bias + sum over k of taps[k] v[k]), where v are a sequence's `Taps - 1` inputs in `window` (`Taps - 1`,
// `Channels`), oldest first, and the new one; the window moves on by one. Then parts = x_proj x: input (rows,
// `InputStride`), x (`Rows` in tiles, `PaddedChannels`), zero from `Channels` on, weights (`WeightRows` in tiles,
// `PaddedChannels`), parts (`PaddedChannels` / 64 / `Cluster` rounded up, `Rows`, `Outputs`), for the reader to add up.
//
// A block takes `BlockRows` sequences (blockIdx.y) through 64 channels; the products of a cluster's blocks are added
// up. While the launch before still runs, the weights and what the state holds are on their way.
template <int Channels, int PaddedChannels, int Taps, int InputStride, int Rows, int StateStride, int Outputs,
          int WeightRows, bool Bias, int BlockRows, int Cluster>
__global__ void __cluster_dims__(Cluster) __launch_bounds__(256)
    convolve_token_tiles(const float* taps, const float* bias, const float16* weights, float* window,
                         const float16* input, float16* x, float* parts, int rows) {
  static_assert((BlockRows == 32 || BlockRows == 64) && BlockRows % Cluster == 0);
  static_assert(Channels % 8 == 0 && StateStride % 4 == 0);
  constexpr int groups = (Outputs + 63) / 64;       // of outputs
  constexpr int groups_of_half = (groups + 1) / 2;  // of the block's warps
  constexpr int operand_bytes = 64 * 128;           // a product has 64 rows: what the others hold does not matter
  constexpr int weight_bytes = groups * 64 * 128;
  constexpr int rows_of_thread = BlockRows / 32;
  static_assert(groups * 64 <= WeightRows);
  extern __shared__ __align__(1024) unsigned char shared[];
  float* const sums = reinterpret_cast<float*>(shared + operand_bytes + weight_bytes);  // (`BlockRows`, `Outputs`)
  unsigned long long* const landed = reinterpret_cast<unsigned long long*>(sums + BlockRows * Outputs);
  const bool has_channels = blockIdx.x < PaddedChannels / 64;  // the last cluster may have too many blocks
  const int first_row = blockIdx.y * BlockRows;
  const int channel = blockIdx.x * 64 + threadIdx.x % 8 * 8;
  const bool real = channel < Channels;

  if (threadIdx.x == 0) {
    open_arrival(landed);
    publish_arrivals();
    if (has_channels) {
      expect(landed, weight_bytes);
      copy_to_shared(shared + operand_bytes,
                     reinterpret_cast<const unsigned char*>(weights + blockIdx.x * long{WeightRows} * 64), weight_bytes,
                     landed);
    }
  }
  float tap[Taps][8];
  float start[8] = {};
  float values[rows_of_thread][Taps][8];
#pragma unroll
  for (int k = 0; k < Taps; ++k) {
    load_eight<Channels>(taps + k * Channels, channel, tap[k]);
  }
  if constexpr (Bias) load_eight<Channels>(bias, channel, start);
#pragma unroll
  for (int i = 0; i < rows_of_thread; ++i) {
    const long row = first_row + i * 32 + threadIdx.x / 8;
#pragma unroll
    for (int k = 0; k < Taps - 1; ++k) {
      if (row < rows) load_eight<Channels>(window + row * StateStride + k * Channels, channel, values[i][k]);
    }
  }
  wait_for_previous();
  launch_next();

  uint4 newest[rows_of_thread];  // eight float16
#pragma unroll
  for (int i = 0; i < rows_of_thread; ++i) {
    const long row = first_row + i * 32 + threadIdx.x / 8;
    newest[i] = real && row < rows ? *reinterpret_cast<const uint4*>(input + row * InputStride + channel)
                                   : make_uint4(0, 0, 0, 0);
  }
  uint4 result[rows_of_thread];  // eight float16
#pragma unroll
  for (int i = 0; i < rows_of_thread; ++i) {
    const int own_row = i * 32 + threadIdx.x / 8;
    eight_floats(newest[i], values[i][Taps - 1]);
    float sum[8];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      sum[c] = start[c];
#pragma unroll
      for (int k = 0; k < Taps; ++k) sum[c] += tap[k][c] * values[i][k][c];
      sum[c] = real && first_row + own_row < rows ? approximate_silu(sum[c]) : 0.0f;
    }
    result[i] = eight_float16(sum);
    *reinterpret_cast<uint4*>(shared + tile_offset<64>(own_row, threadIdx.x % 8 * 8) * 2) = result[i];
  }
  publish_operands();
  __syncthreads();

  const int half = threadIdx.x / 128;
  float sum[groups_of_half][32] = {};
  if (has_channels) {
    wait(shared_address(landed), 0);
    begin_products();
#pragma unroll
    for (int g = 0; g < groups_of_half; ++g) {
      const int group = g * 2 + half;
      const unsigned long long x_operand = operand_at(shared_address(shared));
      const unsigned long long outputs_operand = operand_at(shared_address(shared + operand_bytes + group * 64 * 128));
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        if (group < groups) multiply_64x64(sum[g], x_operand + step * 2, outputs_operand + step * 2);
      }
    }
    end_products();
    wait_for_products();
  }
  const int own_row = threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4;
#pragma unroll
  for (int g = 0; g < groups_of_half; ++g) {
#pragma unroll
    for (int j = 0; j < 32; ++j) {
      const int column = (g * 2 + half) * 64 + j / 4 * 8 + threadIdx.x % 4 * 2 + j % 2;
      const int row = own_row + j / 2 % 2 * 8;
      if (column < Outputs && row < BlockRows) sums[row * Outputs + column] = sum[g][j];
    }
  }

  synchronize_cluster();
  const int rank = Cluster > 1 ? rank_in_cluster() : 0;
  constexpr int rows_of_block = BlockRows / Cluster;
  const float* own = sums + rank * rows_of_block * Outputs;
  float* to = parts + ((blockIdx.x / Cluster * long{Rows}) + first_row + rank * rows_of_block) * Outputs;
  for (int i = threadIdx.x * 4; i < rows_of_block * Outputs; i += 256 * 4) {
    float4 total = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
    for (int block = 0; block < Cluster; ++block) {
      const float4 part = read_from_block(own + i, block);
      total.x += part.x;
      total.y += part.y;
      total.z += part.z;
      total.w += part.w;
    }
    *reinterpret_cast<float4*>(to + i) = total;
  }
  arrive_at_end_of_cluster();
#pragma unroll
  for (int i = 0; i < rows_of_thread; ++i) {
    const long row = first_row + i * 32 + threadIdx.x / 8;
    if (has_channels && row < rows) *reinterpret_cast<uint4*>(x + tile_offset<Rows>(row, channel)) = result[i];
#pragma unroll
    for (int k = 0; k < Taps - 1; ++k) {
      if (row < rows) store_eight<Channels>(window + row * StateStride + k * Channels, channel, values[i][k + 1]);
    }
  }
  wait_for_end_of_cluster();
}

}  // namespace mambac
