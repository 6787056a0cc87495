// Matrix products on the tensor cores: float16 operands, sums in float.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_cluster.h"
#include "runtime/cuda_halves.h"
#include "runtime/cuda_tensor_cores.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// Four lanes hold pairs of columns of four times eight columns: lane i gets all of the i-th eight columns.
__device__ inline uint4 exchange_in_four(uint4 words) {
  const int lane = threadIdx.x % 4;
  const bool odd = lane % 2 == 1;
  const bool upper = lane / 2 == 1;
  const unsigned x = __shfl_xor_sync(0xffffffff, odd ? words.x : words.y, 1);
  const unsigned z = __shfl_xor_sync(0xffffffff, odd ? words.z : words.w, 1);
  const uint4 pairs = odd ? make_uint4(x, words.y, z, words.w) : make_uint4(words.x, x, words.z, z);
  const unsigned first = __shfl_xor_sync(0xffffffff, upper ? pairs.x : pairs.z, 2);
  const unsigned second = __shfl_xor_sync(0xffffffff, upper ? pairs.y : pairs.w, 2);
  return upper ? make_uint4(first, second, pairs.z, pairs.w) : make_uint4(pairs.x, pairs.y, first, second);
}

// Two neighbouring values of a row; anything for those outside of it. Without a branch, so that many are under way.
template <int Outputs, int OutputStride>
__device__ inline float2 load_two(const float* row, int column) {
  if constexpr (Outputs % 2 == 0 && OutputStride % 2 == 0) {
    return *reinterpret_cast<const float2*>(row + (column < Outputs ? column : 0));
  } else {
    return make_float2(row[column < Outputs ? column : 0], row[column + 1 < Outputs ? column + 1 : 0]);
  }
}

template <int Outputs, int OutputStride>
__device__ inline void store_two(float* row, int column, float first, float second) {
  if constexpr (Outputs % 2 == 0 && OutputStride % 2 == 0) {
    if (column < Outputs) *reinterpret_cast<float2*>(row + column) = make_float2(first, second);
  } else {
    if (column < Outputs) row[column] = first;
    if (column + 1 < Outputs) row[column + 1] = second;
  }
}

// Where a part's panels of 64 inputs begin.
template <int Inputs, int Parts>
__device__ inline int first_panel(int part) {
  return part * (Inputs / 64) / Parts;
}

// output (rows, `Outputs`), float or float16 = input (rows, `Inputs`) weights^T, plus bias, through softplus, plus what
// output held, each if it is asked for. Input (`InputRows`, `Inputs`) and weights (`WeightRows`, `Inputs`) lie in
// tiles; input rows from `rows` on may hold anything. The inputs are shared out, parts: `Parts`; each part has an
// output of its own, of `InputRows` rows, for the reader to add up.
//
// A block makes tiles of `BlockRows` x `BlockOutputs`, one after the other; its last warp copies operands ahead, the
// others, four for every 64 rows, multiply. With `Overlapping` the weights of its first stages are on their way while
// the launch before still runs.
template <int Inputs, int Outputs, int WeightRows, int InputRows, int OutputStride, int BlockRows, int BlockOutputs,
          int Parts, int Stages, typename Value, bool Bias, bool Softplus, bool Accumulate, bool Overlapping>
__global__ void __launch_bounds__(BlockRows * 2 + 32, 1)
    project_tiles(const float16* weights, const float* bias, const float16* input, Value* output, int rows) {
  static_assert(Inputs % 64 == 0 && InputRows % BlockRows == 0 && WeightRows % BlockOutputs == 0);
  static_assert(BlockRows % 64 == 0 && BlockOutputs % 32 == 0 && Inputs / 64 >= Parts && Outputs <= WeightRows);
  extern __shared__ __align__(1024) unsigned char shared[];
  constexpr int row_bytes = 128;
  constexpr int input_bytes = BlockRows * row_bytes;
  constexpr int weight_bytes = BlockOutputs * row_bytes;
  constexpr int multiplying_warps = BlockRows / 16;
  const int warp = threadIdx.x / 32;
  Ring ring = ring_at(shared, shared + Stages * (input_bytes + weight_bytes), Stages, input_bytes + weight_bytes);
  if (threadIdx.x == 0) open_ring(ring, multiplying_warps);
  __syncthreads();

  const int row_tiles = (rows + BlockRows - 1) / BlockRows;
  const int tiles = row_tiles * (WeightRows / BlockOutputs) * Parts;
  if (warp == multiplying_warps) {
    if (threadIdx.x % 32 > 0) return;
    int weights_ahead = 0;
    if constexpr (Overlapping) {
      Ring ahead = ring;
      const int part = blockIdx.x / row_tiles % Parts;
      const long first_output = blockIdx.x / row_tiles / Parts * BlockOutputs;
      const long end_panel = blockIdx.x < tiles ? first_panel<Inputs, Parts>(part + 1) : 0;
      for (long panel = first_panel<Inputs, Parts>(part); panel < end_panel && weights_ahead < Stages; ++panel) {
        expect_operands(ahead, input_bytes + weight_bytes);
        copy_operand(ahead, input_bytes, weights + (panel * WeightRows + first_output) * 64, weight_bytes);
        advance(ahead);
        ++weights_ahead;
      }
      wait_for_previous();
    }
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      const int part = tile / row_tiles % Parts;
      const long first_row = tile % row_tiles * BlockRows;
      const long first_output = tile / row_tiles / Parts * BlockOutputs;
      const long end_panel = first_panel<Inputs, Parts>(part + 1);
      for (long panel = first_panel<Inputs, Parts>(part); panel < end_panel; ++panel) {
        if (weights_ahead > 0) {
          --weights_ahead;
        } else {
          expect_operands(ring, input_bytes + weight_bytes);
          copy_operand(ring, input_bytes, weights + (panel * WeightRows + first_output) * 64, weight_bytes);
        }
        copy_operand(ring, 0, input + (panel * InputRows + first_row) * 64, input_bytes);
        advance(ring);
      }
    }
    return;
  }

  if constexpr (Overlapping) {
    wait_for_previous();
    launch_next();
  }
  Ring read = ring;
  const int lane = threadIdx.x % 32;
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int part = tile / row_tiles % Parts;
    const int begin_panel = first_panel<Inputs, Parts>(part);
    const int end_panel = first_panel<Inputs, Parts>(part + 1);
    float sum[BlockOutputs / 2] = {};
    for (int panel = begin_panel; panel < end_panel; ++panel) {
      const unsigned stage = ring.stages + wait_for_stage(ring);
      const unsigned long long rows_operand = operand_at(stage + warp / 4 * 64 * row_bytes);
      const unsigned long long outputs_operand = operand_at(stage + input_bytes);
      advance(ring);
      begin_products();
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        multiply_64<BlockOutputs>(sum, rows_operand + step * 2, outputs_operand + step * 2);
      }
      end_products();
      if (panel > begin_panel) {
        wait_for_products_but_last();
        release_stage(read);
      }
    }
    wait_for_products();
    release_stage(read);

    const long row = tile % row_tiles * BlockRows + warp * 16 + lane / 4;
    const int column = tile / row_tiles / Parts * BlockOutputs + lane % 4 * 2;
    if constexpr (Bias) {
#pragma unroll
      for (int j = 0; j < BlockOutputs / 8; ++j) {
        const float2 both = load_two<Outputs, Outputs>(bias, column + j * 8);
        sum[j * 4] += both.x;
        sum[j * 4 + 1] += both.y;
        sum[j * 4 + 2] += both.x;
        sum[j * 4 + 3] += both.y;
      }
    }
    if constexpr (Softplus) {
#pragma unroll
      for (int i = 0; i < BlockOutputs / 2; ++i) sum[i] = approximate_softplus(sum[i]);
    }
    if constexpr (sizeof(Value) == 2) {
      static_assert(Outputs % 8 == 0 && OutputStride % 8 == 0 && Parts == 1 && !Accumulate);
#pragma unroll
      for (int j = 0; j < BlockOutputs / 8; j += 4) {
        const uint4 upper = exchange_in_four(
            make_uint4(two_float16(sum[j * 4], sum[j * 4 + 1]), two_float16(sum[j * 4 + 4], sum[j * 4 + 5]),
                       two_float16(sum[j * 4 + 8], sum[j * 4 + 9]), two_float16(sum[j * 4 + 12], sum[j * 4 + 13])));
        const uint4 lower = exchange_in_four(
            make_uint4(two_float16(sum[j * 4 + 2], sum[j * 4 + 3]), two_float16(sum[j * 4 + 6], sum[j * 4 + 7]),
                       two_float16(sum[j * 4 + 10], sum[j * 4 + 11]), two_float16(sum[j * 4 + 14], sum[j * 4 + 15])));
        const int first = column - lane % 4 * 2 + (j + lane % 4) * 8;
        Value* eight = output + row * OutputStride + first;
        if (row < rows && first < Outputs) *reinterpret_cast<uint4*>(eight) = upper;
        if (row + 8 < rows && first < Outputs) *reinterpret_cast<uint4*>(eight + 8 * OutputStride) = lower;
      }
    } else {
      float* to = output + (part * long{InputRows} + row) * OutputStride;
      float* to_lower = to + 8 * OutputStride;
      if constexpr (Accumulate) {
        const float* from = row < rows ? to : output;  // anything for rows that are not stored
        const float* from_lower = row + 8 < rows ? to_lower : output;
#pragma unroll
        for (int j = 0; j < BlockOutputs / 8; ++j) {
          const float2 before = load_two<Outputs, OutputStride>(from, column + j * 8);
          const float2 before_lower = load_two<Outputs, OutputStride>(from_lower, column + j * 8);
          sum[j * 4] += before.x;
          sum[j * 4 + 1] += before.y;
          sum[j * 4 + 2] += before_lower.x;
          sum[j * 4 + 3] += before_lower.y;
        }
      }
#pragma unroll
      for (int j = 0; j < BlockOutputs / 8; ++j) {
        if (row < rows) store_two<Outputs, OutputStride>(to, column + j * 8, sum[j * 4], sum[j * 4 + 1]);
        if (row + 8 < rows) {
          store_two<Outputs, OutputStride>(to_lower, column + j * 8, sum[j * 4 + 2], sum[j * 4 + 3]);
        }
      }
    }
  }
}

}  // namespace mambac
