// One token of the recurrence of Mamba-1 for many sequences, with dt_proj before it: what sum_parts, project_tiles and
// scan_tiles are for many tokens.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_cluster.h"
#include "runtime/cuda_copy.h"
#include "runtime/cuda_halves.h"
#include "runtime/cuda_tensor_cores.h"
#include "templates/cuda/sum_parts.cuh"

namespace mambac {

using namespace mambac_runtime;

// How many states are in registers at once: the most that divide all.
constexpr int states_at_once(int states) { return states % 16 == 0 ? 16 : states % 8 == 0 ? 8 : 4; }

// The lane's two columns of a panel's piece of eight.
__device__ inline unsigned two_of_tile(const unsigned char* panel, int row, int piece) {
  return *reinterpret_cast<const unsigned*>(panel + row * 128 + (piece ^ row % 8) * 16 + threadIdx.x % 4 * 4);
}

// dt, B, C = the sum of `Parts` of x_proj's product, each (`Rows`, `Rank` + 2 `States`), with `Norm` each divided by
// its root mean square (FalconMamba); delta = softplus(dt_proj dt + bias); then for every channel of every sequence
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// a and, per sequence, h are (`States`, `Channels`); dt_proj (`WeightRows` in tiles, `Rank` padded with zeros);
// projected holds the gate from column `PaddedChannels` on; x and output (`Rows` in tiles, `PaddedChannels`).
//
// A block takes 128 channels of eight sequences (blockIdx.y), a thread two channels of two sequences. While the launch
// before still runs, dt_proj and the first states are on their way.
template <int Channels, int PaddedChannels, int States, int Rows, int ProjectedStride, int StateStride, int Parts,
          int Rank, int WeightRows, bool Norm>
__global__ void __launch_bounds__(256, 2)
    scan_token_tiles(const float* a, const float* d, const float16* dt_proj, const float* bias, float* h,
                     const float* parts, const float16* x, const float16* projected, float epsilon, float16* output,
                     int rows) {
  constexpr int block_channels = 128;
  constexpr int block_sequences = 8;
  constexpr int sequences_of_thread = 2;
  constexpr int at_once = states_at_once(States);
  constexpr int columns = Rank + 2 * States;
  constexpr int columns_of_lane = (columns + 31) / 32;
  constexpr int rank_panels = (Rank + 63) / 64;
  constexpr int panel_bytes = block_channels * 128;
  constexpr int dt_stride = rank_panels * 64 + 8;            // lanes of neighbouring sequences read other banks
  constexpr int delta_stride = block_channels + 4;           // likewise
  extern __shared__ __align__(1024) unsigned char shared[];  // dt_proj's panels, then:
  unsigned short* const dts =
      reinterpret_cast<unsigned short*>(shared + rank_panels * panel_bytes);          // [sequence][rank]
  float* const deltas = reinterpret_cast<float*>(dts + block_sequences * dt_stride);  // [sequence][channel]
  float* const rates = deltas + block_sequences * delta_stride;                       // [state][channel], A
  float* const bs = rates + States * block_channels;                                  // [sequence][state]
  float* const cs = bs + block_sequences * States;                                    // [sequence][state]
  unsigned long long* const landed = reinterpret_cast<unsigned long long*>(cs + block_sequences * States);
  const int first_channel = blockIdx.x * block_channels;
  const int first_sequence = blockIdx.y * block_sequences;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;

  if (threadIdx.x == 0) {
    open_arrival(landed);
    publish_arrivals();
    const int bytes = (WeightRows - first_channel < block_channels ? WeightRows - first_channel : block_channels) * 128;
    expect(landed, rank_panels * bytes);
    for (int panel = 0; panel < rank_panels; ++panel) {
      copy_to_shared(shared + panel * panel_bytes,
                     reinterpret_cast<const unsigned char*>(dt_proj + (panel * long{WeightRows} + first_channel) * 64),
                     bytes, landed);
    }
  }
  for (int i = threadIdx.x; i < States * block_channels / 4; i += 256) {
    const int state = i / (block_channels / 4);
    const int of_block = i % (block_channels / 4) * 4;
    const bool wanted = first_channel + of_block < Channels;
    copy_16_bytes(rates + state * block_channels + of_block,
                  a + (wanted ? state * Channels + first_channel + of_block : 0), wanted);
  }
  end_copies();
  const int own_channel = threadIdx.x % 64 * 2;
  const int channel = first_channel + own_channel;
  const bool real = channel < Channels;
  int own_sequence[sequences_of_thread];
  int row[sequences_of_thread];  // the last sequence's instead of one that does not exist
  float2 value[sequences_of_thread][at_once];
#pragma unroll
  for (int i = 0; i < sequences_of_thread; ++i) {
    own_sequence[i] = i * 4 + threadIdx.x / 64;
    row[i] = first_sequence + own_sequence[i] < rows ? first_sequence + own_sequence[i] : rows - 1;
    const float* own_h = h + row[i] * long{StateStride} + channel;
#pragma unroll
    for (int n = 0; n < at_once; ++n) {
      if (real) value[i][n] = __ldcg(reinterpret_cast<const float2*>(own_h + n * Channels));
    }
  }
  const float2 skip = real ? *reinterpret_cast<const float2*>(d + channel) : make_float2(0.0f, 0.0f);
  wait_for_previous();
  launch_next();
  unsigned own_x[sequences_of_thread];  // two float16
  unsigned gate[sequences_of_thread];   // two float16
#pragma unroll
  for (int i = 0; i < sequences_of_thread; ++i) {
    const bool padded = channel < PaddedChannels;
    const long at = row[i] * long{ProjectedStride} + PaddedChannels + channel;
    own_x[i] = padded ? *reinterpret_cast<const unsigned*>(x + tile_offset<Rows>(row[i], channel)) : 0;
    gate[i] = padded ? *reinterpret_cast<const unsigned*>(projected + at) : 0;
  }

  {  // A warp for each sequence.
    const float* from = parts + (first_sequence + warp) * long{columns} + lane;
    float sum[columns_of_lane] = {};
#pragma unroll
    for (int part = 0; part < Parts; ++part) {
#pragma unroll
      for (int i = 0; i < columns_of_lane; ++i) {
        if (i * 32 + lane < columns) sum[i] += from[part * long{Rows} * columns + i * 32];
      }
    }
    float dt_scale = 1.0f;
    float b_scale = 1.0f;
    float c_scale = 1.0f;
    if constexpr (Norm) {
      float squares[3] = {};  // of dt, B, C
#pragma unroll
      for (int i = 0; i < columns_of_lane; ++i) {
        const int column = i * 32 + lane;
        const float square = sum[i] * sum[i];
        squares[0] += column < Rank ? square : 0.0f;
        squares[1] += column >= Rank && column < Rank + States ? square : 0.0f;
        squares[2] += column >= Rank + States ? square : 0.0f;
      }
      dt_scale = 1.0f / sqrtf(sum_of_warp(squares[0]) / Rank + epsilon);
      b_scale = 1.0f / sqrtf(sum_of_warp(squares[1]) / States + epsilon);
      c_scale = 1.0f / sqrtf(sum_of_warp(squares[2]) / States + epsilon);
    }
#pragma unroll
    for (int i = 0; i < columns_of_lane; ++i) {
      const int column = i * 32 + lane;
      if (column < Rank) {
        dts[warp * dt_stride + column] = static_cast<unsigned short>(two_float16(sum[i] * dt_scale, 0.0f));
      } else if (column < Rank + States) {
        bs[warp * States + column - Rank] = sum[i] * b_scale;
      } else if (column < columns) {
        cs[warp * States + column - Rank - States] = sum[i] * c_scale;
      }
    }
    for (int column = Rank + lane; column < rank_panels * 64; column += 32) dts[warp * dt_stride + column] = 0;
  }
  wait_for_copies_but_last<0>();
  __syncthreads();
  wait(shared_address(landed), 0);

  {                                               // A warp for 16 channels.
    const int weight_row = warp * 16 + lane / 4;  // and the one eight further
    float sum[4] = {};
#pragma unroll
    for (int step = 0; step < rank_panels * 4; ++step) {
      const unsigned char* panel = shared + step / 4 * panel_bytes;
      const int piece = step % 4 * 2;
      const unsigned weights[4] = {two_of_tile(panel, weight_row, piece), two_of_tile(panel, weight_row + 8, piece),
                                   two_of_tile(panel, weight_row, piece + 1),
                                   two_of_tile(panel, weight_row + 8, piece + 1)};
      const unsigned short* dt = dts + lane / 4 * dt_stride + step * 16 + lane % 4 * 2;
      const unsigned dt_pairs[2] = {*reinterpret_cast<const unsigned*>(dt), *reinterpret_cast<const unsigned*>(dt + 8)};
      multiply_16x8(sum, weights, dt_pairs);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int own_row = weight_row + j / 2 * 8;
      const float shift = first_channel + own_row < PaddedChannels ? bias[first_channel + own_row] : 0.0f;
      deltas[(lane % 4 * 2 + j % 2) * delta_stride + own_row] = approximate_softplus(sum[j] + shift);
    }
  }
  __syncthreads();

  if (!real) {
    for (int i = 0; i < sequences_of_thread; ++i) {
      if (channel < PaddedChannels) *reinterpret_cast<unsigned*>(output + tile_offset<Rows>(row[i], channel)) = 0;
    }
    return;
  }
  constexpr float log2_of_e = 1.44269504f;
  float2 delta[sequences_of_thread];
  float2 drive[sequences_of_thread];  // delta x
  float2 y[sequences_of_thread];
#pragma unroll
  for (int i = 0; i < sequences_of_thread; ++i) {
    const float2 two_x = of_two_float16(own_x[i]);
    delta[i] = *reinterpret_cast<const float2*>(deltas + own_sequence[i] * delta_stride + own_channel);
    drive[i] = make_float2(delta[i].x * two_x.x, delta[i].y * two_x.y);
    y[i] = make_float2(skip.x * two_x.x, skip.y * two_x.y);
  }
#pragma unroll 1
  for (int first = 0; first < States; first += at_once) {
    if (first > 0) {
#pragma unroll
      for (int i = 0; i < sequences_of_thread; ++i) {
        const float* own_h = h + row[i] * long{StateStride} + first * Channels + channel;
#pragma unroll
        for (int n = 0; n < at_once; ++n) {
          value[i][n] = *reinterpret_cast<const float2*>(own_h + n * Channels);
        }
      }
    }
#pragma unroll
    for (int n = 0; n < at_once; ++n) {
      const float2 rate = *reinterpret_cast<const float2*>(rates + (first + n) * block_channels + own_channel);
#pragma unroll
      for (int i = 0; i < sequences_of_thread; ++i) {
        const float b = bs[own_sequence[i] * States + first + n];
        const float c = cs[own_sequence[i] * States + first + n];
        value[i][n].x = approximate_exp2(delta[i].x * (rate.x * log2_of_e)) * value[i][n].x + drive[i].x * b;
        value[i][n].y = approximate_exp2(delta[i].y * (rate.y * log2_of_e)) * value[i][n].y + drive[i].y * b;
        y[i].x += value[i][n].x * c;
        y[i].y += value[i][n].y * c;
      }
    }
#pragma unroll
    for (int i = 0; i < sequences_of_thread; ++i) {
      float* own_h = h + row[i] * long{StateStride} + first * Channels + channel;
#pragma unroll
      for (int n = 0; n < at_once; ++n) {
        if (first_sequence + own_sequence[i] == row[i]) *reinterpret_cast<float2*>(own_h + n * Channels) = value[i][n];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < sequences_of_thread; ++i) {
    const float2 two_gates = of_two_float16(gate[i]);
    unsigned* to = reinterpret_cast<unsigned*>(output + tile_offset<Rows>(row[i], channel));
    if (first_sequence + own_sequence[i] == row[i]) {
      *to = two_float16(y[i].x * approximate_silu(two_gates.x), y[i].y * approximate_silu(two_gates.y));
    }
  }
}

}  // namespace mambac
