// `count` tokens of a small model in one launch, batch 1, by one cluster: all weights and the state stay in the shared
// memory of its blocks meanwhile.
//
// For continuous input, the final norm as output, 16 states, R <= 16. A warp owns two of the inner channels, half a
// warp each (a lane is a state); a block owns Channels = 2 * `Warps`. A layer has two exchanges, in which every block
// sends its partial sums to all blocks, and each adds them up in the order of the blocks:
//   1. [dt, B, C] = sum over the blocks of x_proj's columns times their x        (z is computed meanwhile)
//   2. out_proj y, likewise, added to the residual
// input_proj's rows are split over the blocks; those of the next token travel with the last exchange of this one.
//
// Weights as packed for this kernel (Weight is the matrices' type, all else float; zero where the model has nothing;
// SizePadded: Size up to a multiple of 128, InputPadded likewise; Rows = SizePadded / `Blocks`):
//   [block] of
//     norms    [layer, then the final norm][SizePadded]
//     input    input_proj [Rows][InputPadded] Weight, bias [Rows]
//     [layer] of
//       in_proj     [warp][x, x, z, z row of its two channels][SizePadded] Weight
//       x_proj      [Channels / 4][R up to a multiple of 4, then B and C][4] Weight
//       out_proj    [Channels / 4][SizePadded][4] Weight
//       channels    taps [K][Channels], bias of the convolution [Channels], dt_proj [Channels][R], its bias [Channels],
//                   A [Channels][16], D [Channels]
// each of the four parts of a layer, and input, a multiple of 16 bytes.
#pragma once

#include "runtime/cuda_cluster.h"
#include "runtime/cuda_mathematics.h"
#include "runtime/cuda_ring.h"
#include "runtime/cuda_types.h"
#include "templates/cuda/multiply_slab.cuh"

namespace mambac {

using namespace mambac_runtime;

// Four weights that lie together.
template <typename Weight>
__device__ inline float4 four_at(const unsigned char* weights, int four) {
  if constexpr (sizeof(Weight) == 4) {
    return reinterpret_cast<const float4*>(weights)[four];
  } else {
    const uint2 all = reinterpret_cast<const uint2*>(weights)[four];
    return make_float4(__uint_as_float(all.x << 16), __uint_as_float(all.x & 0xffff0000), __uint_as_float(all.y << 16),
                       __uint_as_float(all.y & 0xffff0000));
  }
}

// Output `output` of `Outputs`: the sum over the block's channels; weights [`Channels` / 4][`Outputs`][4]. Two strands.
template <typename Weight, int Channels, int Outputs>
__device__ inline float sum_over_channels(const unsigned char* weights, const float* channels, int output) {
  float even = 0.0f, odd = 0.0f;
  for (int four = 0; four < Channels / 4; four += 2) {
    even = add_products(four_at<Weight>(weights, four * Outputs + output),
                        *reinterpret_cast<const float4*>(channels + four * 4), even);
    odd = add_products(four_at<Weight>(weights, (four + 1) * Outputs + output),
                       *reinterpret_cast<const float4*>(channels + four * 4 + 4), odd);
  }
  return even + odd;
}

// A number of all blocks, added up in their order; in two strands.
template <int Blocks, int Stride>
__device__ inline float sum_over_blocks(const float* parts) {
  float first = 0.0f, second = 0.0f;
  for (int block = 0; block < Blocks / 2; ++block) {
    first += parts[block * Stride];
    second += parts[(block + Blocks / 2) * Stride];
  }
  return first + second;
}

// Of two numbers of every lane: the sum of the first over the warp in the lower lanes, of the second in the upper ones.
__device__ inline float sums_of_half_warps(float first, float second) {
  const bool lower = threadIdx.x % 32 < 16;
  const float other = __shfl_xor_sync(0xffffffff, lower ? second : first, 16);
  return sum_of_half_warp((lower ? first : second) + other);
}

// Four columns for every 128 of a token's input, zero beyond the last token and column.
template <int InputSize>
__device__ inline void load_input(const float* input, int token, int count, float4* columns) {
  constexpr int fours = (InputSize + 127) / 128;
  const float* row = input + token * long{InputSize};
#pragma unroll
  for (int four = 0; four < fours; ++four) {
    const int first = four * 128 + threadIdx.x % 32 * 4;
    const int real = token < count ? InputSize - first : 0;
    columns[four] = make_float4(real > 0 ? row[first] : 0.0f, real > 1 ? row[first + 1] : 0.0f,
                                real > 2 ? row[first + 2] : 0.0f, real > 3 ? row[first + 3] : 0.0f);
  }
}

// The norm of the residual, by one warp.
template <int Size>
__device__ inline void write_output(const float* residual, const float* weight, float epsilon, float* output) {
  const int lane = threadIdx.x % 32;
  float squares = 0.0f;
  for (int index = lane; index < Size; index += 32) squares = fmaf(residual[index], residual[index], squares);
  const float scale = rsqrtf(sum_of_warp(squares) / Size + epsilon);
  for (int index = lane; index < Size; index += 32) output[index] = residual[index] * scale * weight[index];
}

// weights: the packed data; state: one sequence's; input: `count` rows of `InputSize`; output: `count` rows of `Size`.
template <typename Weight, int Blocks, int Warps, int Layers, int Size, int Inner, int Rank, int Taps, int InputSize,
          long WeightsOffset>
__global__ void __cluster_dims__(Blocks) __launch_bounds__(Warps * 32, 1)
    decode_cluster(const unsigned char* weights, float* state, const float* input, float* output, int count,
                   float epsilon) {
  constexpr int threads = Warps * 32, channels = Warps * 2, states = 16, rank_padded = (Rank + 3) / 4 * 4;
  constexpr int exchanged = rank_padded + 2 * states;
  constexpr int size = (Size + 127) / 128 * 128, input_padded = (InputSize + 127) / 128 * 128;
  constexpr int fours = size / 128, rows = size / Blocks, element = sizeof(Weight);
  static_assert(Blocks * channels >= Inner && channels % 8 == 0 && Rank <= 16 && size <= threads &&
                exchanged <= threads);
  static_assert(Taps >= 2 && Blocks <= 32);

  constexpr int strands = threads >= 4 * exchanged ? 4 : 2;
  static_assert(threads >= strands * exchanged);

  // The packed data of a block.
  constexpr int norm_bytes = (Layers + 1) * size * 4;
  constexpr int input_bytes = (rows * (input_padded * element + 4) + 15) / 16 * 16;
  constexpr int in_bytes = channels * 2 * size * element;
  constexpr int x_bytes = channels * exchanged * element;
  constexpr int out_bytes = channels * size * element;
  constexpr int channel_floats = channels * (Taps + 1 + Rank + 1 + states + 1);
  constexpr int layer_bytes = in_bytes + x_bytes + out_bytes + channel_floats * 4;
  constexpr int block_bytes = norm_bytes + input_bytes + Layers * layer_bytes;
  static_assert(x_bytes % 16 == 0 && channel_floats % 4 == 0);

  extern __shared__ __align__(1024) unsigned char shared[];
  const float* norms = reinterpret_cast<const float*>(shared);
  const unsigned char* input_weights = shared + norm_bytes;
  float* h = reinterpret_cast<float*>(shared + block_bytes);      // [layer][thread]
  float* windows = h + Layers * threads;                          // [layer][tap][thread]
  float* sums_arrived = windows + Layers * (Taps - 1) * threads;  // [block][R + 32]
  float* rows_arrived = sums_arrived + Blocks * exchanged;        // [block][size]
  float* input_arrived = rows_arrived + Blocks * size;            // [size]
  float* residual = input_arrived + size;                         // [size]
  float* finished = residual + size;                              // [size], after the last layer
  float* x_shared = finished + size;                              // [channels]
  float* y_shared = x_shared + channels;                          // [channels]
  float* parts = y_shared + channels;                             // [R + 32 or size], about to be sent
  float* dt_b_c = parts + (size > exchanged ? size : exchanged);  // [R + 32]
  __shared__ unsigned long long sums_arrival, rows_arrival, input_arrival, weights_arrival[Layers + 1];

  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  const int rank = rank_in_cluster();
  if (thread == 0) {
    open_arrival(&sums_arrival);
    open_arrival(&rows_arrival);
    open_arrival(&input_arrival);
    for (int part = 0; part <= Layers; ++part) open_arrival(&weights_arrival[part]);
    publish_arrivals();
    expect(&sums_arrival, Blocks * exchanged * 4);
    expect(&rows_arrival, Blocks * size * 4);
    expect(&input_arrival, size * 4);
    const unsigned char* source = weights + WeightsOffset + rank * block_bytes;
    expect(&weights_arrival[0], norm_bytes + input_bytes);
    copy_to_shared(shared, source, norm_bytes + input_bytes, &weights_arrival[0]);
    for (int layer = 0; layer < Layers; ++layer) {
      const int offset = norm_bytes + input_bytes + layer * layer_bytes;
      expect(&weights_arrival[layer + 1], layer_bytes);
      copy_to_shared(shared + offset, source + offset, layer_bytes, &weights_arrival[layer + 1]);
    }
  }

  launch_next();
  wait_for_previous();
  float4 next_input[input_padded / 128];
  load_input<InputSize>(input, 0, count, next_input);

  // The state of the half warp's channel: every lane has its window, a lane is a state.
  constexpr int channels_padded = (Inner + 15) / 16 * 16;
  const int own = warp * 2 + lane / 16, channel = rank * channels + own;
  const bool exists = channel < Inner;
  for (int layer = 0; layer < Layers; ++layer) {
    const float* from = state + layer * ((Taps - 1 + states) * channels_padded) + channel;
    for (int tap = 0; tap < Taps - 1; ++tap) {
      windows[(layer * (Taps - 1) + tap) * threads + thread] = exists ? from[tap * channels_padded] : 0.0f;
    }
    h[layer * threads + thread] = exists ? from[(Taps - 1 + lane % 16) * channels_padded] : 0.0f;
  }
  synchronize_cluster();
  wait(shared_address(&weights_arrival[0]), 0);

  unsigned sums_phase = 0, rows_phase = 0;
  for (int token = -1; token < count; ++token) {
    float residual_of_thread = 0.0f;
    float4 normed[fours];
    float scale = 1.0f;
    if (token >= 0) {
      wait(shared_address(&input_arrival), token & 1);
      if (thread == 0) expect(&input_arrival, size * 4);
      if (thread < size) {
        residual_of_thread = input_arrived[thread];
        residual[thread] = residual_of_thread;
      }
      __syncthreads();

      for (int layer = 0; layer < Layers; ++layer) {
        if (token == 0) wait(shared_address(&weights_arrival[layer + 1]), 0);
        const unsigned char* in_proj = shared + norm_bytes + input_bytes + layer * layer_bytes;
        const unsigned char* x_proj = in_proj + in_bytes;
        const unsigned char* out_proj = x_proj + x_bytes;
        const float* vectors = reinterpret_cast<const float*>(out_proj + out_bytes);
        const float* of_channel = vectors + own;
        const unsigned char* rows_of_warp = in_proj + warp * (4 * size * element);

        // x rows of the normalized residual; the norm's factor comes last.
        float squares = 0.0f, x0 = 0.0f, x1 = 0.0f;
#pragma unroll
        for (int four = 0; four < fours; ++four) {
          const float4 value = *reinterpret_cast<const float4*>(residual + four * 128 + lane * 4);
          const float4 weight = *reinterpret_cast<const float4*>(norms + layer * size + four * 128 + lane * 4);
          squares = add_products(value, value, squares);
          normed[four] = make_float4(value.x * weight.x, value.y * weight.y, value.z * weight.z, value.w * weight.w);
          x0 = add_products(four_at<Weight>(rows_of_warp, four * 32 + lane), normed[four], x0);
          x1 = add_products(four_at<Weight>(rows_of_warp, size / 4 + four * 32 + lane), normed[four], x1);
        }
        squares = sum_of_warp(squares);
        const float x_row = sums_of_half_warps(x0, x1);
        scale = rsqrtf(squares / Size + epsilon);

        // x = silu(convolution(window, x))
        const float newest = x_row * scale;
        float* window = windows + layer * ((Taps - 1) * threads) + thread;
        float x = fmaf(of_channel[(Taps - 1) * channels], newest, of_channel[Taps * channels]);
#pragma unroll
        for (int tap = 0; tap < Taps - 1; ++tap) x = fmaf(of_channel[tap * channels], window[tap * threads], x);
        x = silu(x);
        if (lane % 16 == 0) x_shared[own] = x;
        __syncthreads();

        // The block's part of [dt, B, C] = x_proj x, to all blocks.
        if (thread < exchanged)
          parts[thread] = sum_over_channels<Weight, channels, exchanged>(x_proj, x_shared, thread);
        __syncthreads();
        for (int index = thread; index < exchanged / 4 * Blocks; index += threads) {
          const int four = index % (exchanged / 4), to = index / (exchanged / 4);
          send(sums_arrived + rank * exchanged + four * 4, &sums_arrival, to,
               *reinterpret_cast<const float4*>(parts + four * 4));
        }

        // Meanwhile: the window, the output of the token before, z.
#pragma unroll
        for (int tap = 0; tap < Taps - 2; ++tap) window[tap * threads] = window[(tap + 1) * threads];
        window[(Taps - 2) * threads] = newest;
        if (layer == 0 && token > 0 && rank == token % Blocks && warp == Warps - 1) {
          write_output<Size>(finished, norms + Layers * size, epsilon, output + (token - 1) * long{Size});
        }
        float z0 = 0.0f, z1 = 0.0f;
#pragma unroll
        for (int four = 0; four < fours; ++four) {
          z0 = add_products(four_at<Weight>(rows_of_warp, 2 * (size / 4) + four * 32 + lane), normed[four], z0);
          z1 = add_products(four_at<Weight>(rows_of_warp, 3 * (size / 4) + four * 32 + lane), normed[four], z1);
        }
        const float gate = silu(sums_of_half_warps(z0, z1) * scale);
        const float* delta_row = vectors + (Taps + 1) * channels + own * Rank;
        const float* behind = vectors + (Taps + 1 + Rank) * channels;  // dt_proj's bias, A, D
        const float a = behind[channels + own * states + lane % 16];
        const float delta_weight = lane % 16 < Rank ? delta_row[lane % 16] : 0.0f;
        const float h_before = h[layer * threads + thread];

        wait(shared_address(&sums_arrival), sums_phase);
        sums_phase ^= 1;
        if (thread == 0) expect(&sums_arrival, Blocks * exchanged * 4);
        // The sums over the blocks, `strands` lanes for each.
        float summed = 0.0f;
        for (int block = thread % strands; block < Blocks; block += strands) {
          summed += sums_arrived[block * exchanged + min(thread / strands, exchanged - 1)];
        }
#pragma unroll
        for (int distance = 1; distance < strands; distance *= 2) {
          summed += __shfl_xor_sync(0xffffffff, summed, distance);
        }
        if (thread % strands == 0 && thread / strands < exchanged) dt_b_c[thread / strands] = summed;
        __syncthreads();
        const float dt = lane % 16 < Rank ? dt_b_c[lane % 16] : 0.0f;
        const float b = dt_b_c[rank_padded + lane % 16];
        const float c = dt_b_c[rank_padded + states + lane % 16];

        // delta = softplus(dt_proj dt + bias); h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
        const float delta = softplus(sum_of_half_warp(delta_weight * dt) + behind[own]);
        const float h_after = fmaf(expf(delta * a), h_before, delta * x * b);
        h[layer * threads + thread] = h_after;
        const float y = fmaf(behind[(1 + states) * channels + own], x, sum_of_half_warp(h_after * c)) * gate;
        if (lane % 16 == 0) y_shared[own] = y;
        __syncthreads();

        // The block's part of out_proj y, to all blocks.
        if (thread < size) parts[thread] = sum_over_channels<Weight, channels, size>(out_proj, y_shared, thread);
        __syncthreads();
        for (int index = thread; index < size / 4 * Blocks; index += threads) {
          const int four = index % (size / 4), to = index / (size / 4);
          send(rows_arrived + rank * size + four * 4, &rows_arrival, to,
               *reinterpret_cast<const float4*>(parts + four * 4));
        }
        if (layer + 1 == Layers) break;
        wait(shared_address(&rows_arrival), rows_phase);
        rows_phase ^= 1;
        if (thread == 0) expect(&rows_arrival, Blocks * size * 4);
        if (thread < size) {
          residual_of_thread += sum_over_blocks<Blocks, size>(rows_arrived + thread);
          residual[thread] = residual_of_thread;
        }
        __syncthreads();
      }
    }

    // input_proj of the next token: a row for each warp.
    if (token + 1 < count) {
      const float* bias = reinterpret_cast<const float*>(input_weights + rows * input_padded * element);
      for (int row = warp; row < rows; row += Warps) {
        float sum = 0.0f;
#pragma unroll
        for (int four = 0; four < input_padded / 128; ++four) {
          sum = add_products(four_at<Weight>(input_weights, row * (input_padded / 4) + four * 32 + lane),
                             next_input[four], sum);
        }
        sum = sum_of_warp(sum) + bias[row];
        if (lane < Blocks) send(input_arrived + rank * rows + row, &input_arrival, lane, sum);
      }
      load_input<InputSize>(input, token + 2, count, next_input);
    }

    if (token >= 0) {
      wait(shared_address(&rows_arrival), rows_phase);
      rows_phase ^= 1;
      if (thread == 0) expect(&rows_arrival, Blocks * size * 4);
      if (thread < size) finished[thread] = residual_of_thread + sum_over_blocks<Blocks, size>(rows_arrived + thread);
    }
  }
  __syncthreads();
  if (rank == 0 && warp == 0) {
    write_output<Size>(finished, norms + Layers * size, epsilon, output + (count - 1) * long{Size});
  }

  if (exists) {
    for (int layer = 0; layer < Layers; ++layer) {
      float* to = state + layer * ((Taps - 1 + states) * channels_padded) + channel;
      for (int tap = 0; tap < Taps - 1; ++tap) {
        if (lane % 16 == 0) to[tap * channels_padded] = windows[(layer * (Taps - 1) + tap) * threads + thread];
      }
      to[(Taps - 1 + lane % 16) * channels_padded] = h[layer * threads + thread];
    }
  }
  synchronize_cluster();  // no block leaves while others still write to it
}

}  // namespace mambac
