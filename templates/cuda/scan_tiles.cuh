// The recurrence of Mamba-1 (Gu, Dao 2023, algorithm 2) between matrix products on the tensor cores: its input and its
// output lie in tiles.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_copy.h"
#include "runtime/cuda_halves.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// Consecutive words, as many at once as a load takes.
template <int Words>
__device__ inline void load_words(const unsigned* from, unsigned* words) {
  if constexpr (Words == 2) {
    const uint2 two = *reinterpret_cast<const uint2*>(from);
    words[0] = two.x;
    words[1] = two.y;
  } else if constexpr (Words % 4 == 0) {
#pragma unroll
    for (int i = 0; i < Words; i += 4) {
      const uint4 four = *reinterpret_cast<const uint4*>(from + i);
      words[i] = four.x;
      words[i + 1] = four.y;
      words[i + 2] = four.z;
      words[i + 3] = four.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < Words; ++i) words[i] = from[i];
  }
}

// For every channel and token:
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// a and, per sequence, h are (`States`, `Channels`); delta has sequences * tokens rows of `PaddedChannels`; projected
// those of in_proj, the convolution's inputs and from column `PaddedChannels` on the gate; bc has rows of `States`
// pairs of B and C, as float16; x and output (`Rows` in tiles, `PaddedChannels`). h is left as it is after the last
// token; window (`Taps - 1`, `Channels`) holds the convolution's last inputs then, oldest first.
//
// A block takes `BlockChannels` channels of a sequence through the tokens, `BlockTokens` at a time, in three roles: the
// preparers fetch tokens (`Slots` - 3 blocks of them ahead), the keepers keep h, `Lanes` of them for each channel, and
// do nothing but the recurrence, the finishers add up its parts, and gate them. In one step each role has a block of
// tokens of its own.
template <int Channels, int PaddedChannels, int States, int Taps, int Rows, int ProjectedStride, int StateStride,
          int Lanes, int BlockChannels, int BlockTokens, int Slots>
__global__ void __launch_bounds__(BlockChannels* Lanes + 256)
    scan_tiles(const float* a, const float* d, float* h, float* window, const float16* delta, const float16* x,
               const float16* projected, const unsigned* bc, float16* output, int tokens) {
  static_assert(States % Lanes == 0 && States % 4 == 0 && BlockTokens % 8 == 0 && Slots > 3);
  static_assert(BlockTokens * BlockChannels == 512);  // four for each helper of either kind
  static_assert(64 % BlockChannels == 0 && BlockChannels % 8 == 0 && BlockChannels * Lanes % 32 == 0);
  constexpr int keepers = BlockChannels * Lanes;
  constexpr int helpers = 128;  // of either kind
  constexpr int threads = keepers + 2 * helpers;
  constexpr int states_of_lane = States / Lanes;
  constexpr int elements = BlockTokens * BlockChannels;
  constexpr int pieces = BlockChannels / 8;
  constexpr int group =
      BlockTokens % 16 == 0 && states_of_lane <= 2 ? 16 : 8;  // tokens whose operands are in registers
  constexpr int ahead = Slots - 3;
  constexpr int token_stride = BlockTokens + 4;  // of a channel; lanes of neighbouring channels read other banks
  constexpr int lane_stride = elements + 4;      // of a lane's parts of sums, likewise
  extern __shared__ __align__(1024) unsigned char shared[];
  unsigned* const bcs = reinterpret_cast<unsigned*>(shared);                               // [Slots][token][state]
  float16* const deltas = reinterpret_cast<float16*>(bcs + Slots * BlockTokens * States);  // [Slots][token][channel]
  float16* const gates = deltas + Slots * elements;                                        // [Slots][token][channel]
  float16* const xs = reinterpret_cast<float16*>(gates + Slots * elements);              // [Slots][token][channel]
  unsigned* const prepared = reinterpret_cast<unsigned*>(xs + Slots * elements);  // [2][channel][token] delta, x
  float* const parts =
      reinterpret_cast<float*>(prepared + 2 * BlockChannels * token_stride);  // [2][lane][token][channel]

  const int first_channel = blockIdx.x * BlockChannels;
  const long sequence = blockIdx.y;
  const long first_row = sequence * tokens;
  const int blocks = (tokens + BlockTokens - 1) / BlockTokens;
  const int thread = threadIdx.x;

  if (thread < keepers) {
    const int own_channel = thread / Lanes;
    const int channel = first_channel + own_channel;
    const int lane = thread % Lanes;
    const bool real = channel < Channels;
    float* state = h + sequence * StateStride + lane * states_of_lane * Channels + channel;
    float value[states_of_lane];
    float rate[states_of_lane];  // exp(delta a) = 2^(delta rate)
#pragma unroll
    for (int n = 0; n < states_of_lane; ++n) {
      value[n] = real ? state[n * Channels] : 0.0f;
      rate[n] = real ? a[(lane * states_of_lane + n) * Channels + channel] * 1.44269504f : 0.0f;
    }
    synchronize_block(threads);
    for (int block = 0; block < blocks; ++block) {
      const unsigned* own_prepared = prepared + (block % 2 * BlockChannels + own_channel) * token_stride;
      const unsigned* own_bc = bcs + block % Slots * BlockTokens * States + lane * states_of_lane;
      float* own_parts = parts + (block % 2 * Lanes + lane) * lane_stride + own_channel;
      for (int first = 0; first < BlockTokens; first += group) {
        unsigned delta_and_x[group];
        unsigned b_and_c[group][states_of_lane];
        load_words<group>(own_prepared + first, delta_and_x);
#pragma unroll
        for (int i = 0; i < group; ++i) load_words<states_of_lane>(own_bc + (first + i) * States, b_and_c[i]);
        float sum[group];
#pragma unroll
        for (int i = 0; i < group; ++i) {
          const float2 own = of_two_float16(delta_and_x[i]);
          const float drive = own.x * own.y;
          sum[i] = 0.0f;
#pragma unroll
          for (int n = 0; n < states_of_lane; ++n) {
            const float2 both = of_two_float16(b_and_c[i][n]);
            value[n] = approximate_exp2(own.x * rate[n]) * value[n] + drive * both.x;
            sum[i] += value[n] * both.y;
          }
        }
#pragma unroll
        for (int i = 0; i < group; ++i) own_parts[(first + i) * BlockChannels] = sum[i];
      }
      synchronize_block(threads);
    }
#pragma unroll
    for (int n = 0; n < states_of_lane; ++n) {
      if (real) state[n * Channels] = value[n];
    }
    return;
  }

  if (thread < keepers + helpers) {
    const int helper = thread - keepers;
    // Eight channels of a token, of which the thread copies those of every block: half of a warp what the whole warp
    // prepares.
    const int piece = helper / 32 * 16 + helper % 16;
    const int own_token = piece / pieces;
    const int own_column = piece % pieces * 8;
    const bool copies = helper % 32 < 16;
    const float16* next_delta = delta + (first_row + own_token) * PaddedChannels + first_channel + own_column;
    const float16* next_gate =
        projected + (first_row + own_token) * ProjectedStride + PaddedChannels + first_channel + own_column;
    const float16* next_x = x + tile_offset<Rows>(first_row + own_token, first_channel + own_column);
    const unsigned* next_bc = bc + first_row * States + helper * 4;
    int slot = 0;
    int first_token = 0;
    for (int block = -ahead; block < blocks; ++block) {
      if (first_token < tokens) {
        const bool wanted = first_token + own_token < tokens;
        const int at = slot * elements + piece * 8;
        if (copies) {
          copy_16_bytes(deltas + at, next_delta, wanted);
          copy_16_bytes(gates + at, next_gate, wanted);
          copy_16_bytes(xs + at, next_x, wanted);
        }
        for (int i = 0; i < BlockTokens * States / 4; i += helpers) {
          const int of_block = i + helper;
          if (BlockTokens * States / 4 % helpers == 0 || of_block < BlockTokens * States / 4) {
            copy_16_bytes(bcs + slot * BlockTokens * States + of_block * 4, next_bc + i * 4,
                          first_token + of_block / (States / 4) < tokens);
          }
        }
        next_delta += BlockTokens * PaddedChannels;
        next_gate += BlockTokens * ProjectedStride;
        next_x += BlockTokens * 64;
        next_bc += BlockTokens * States;
        first_token += BlockTokens;
        slot = slot + 1 < Slots ? slot + 1 : 0;
      }
      end_copies();
      if (block < 0) continue;
      wait_for_copies_but_last<ahead>();
      __syncwarp();
      const int begin = block % Slots * elements + helper * 4;
      const uint2 four = *reinterpret_cast<const uint2*>(deltas + begin);
      const uint2 four_x = *reinterpret_cast<const uint2*>(xs + begin);
      unsigned* to = prepared + (block % 2 * BlockChannels + helper * 4 % BlockChannels) * token_stride +
                     helper * 4 / BlockChannels;
      to[0] = (four.x & 0xffff) | four_x.x << 16;
      to[token_stride] = four.x >> 16 | (four_x.x & 0xffff0000);
      to[2 * token_stride] = (four.y & 0xffff) | four_x.y << 16;
      to[3 * token_stride] = four.y >> 16 | (four_x.y & 0xffff0000);
      synchronize_block(threads);
    }
    synchronize_block(threads);
    return;
  }

  // Four channels of a token, of which the thread finishes those of every block.
  const int helper = thread - keepers - helpers;
  const int column = first_channel + helper * 4 % BlockChannels;
  const float4 skip =
      column < Channels ? *reinterpret_cast<const float4*>(d + column) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  int token = helper * 4 / BlockChannels;
  float16* to = output + tile_offset<Rows>(first_row + token, column);
  synchronize_block(threads);
  for (int block = 0; block < blocks; ++block) {
    synchronize_block(threads);
    const int at = block % Slots * elements + helper * 4;
    const uint2 x_words = *reinterpret_cast<const uint2*>(xs + at);
    const uint2 gate_words = *reinterpret_cast<const uint2*>(gates + at);
    const float2 x_low = of_two_float16(x_words.x);
    const float2 x_high = of_two_float16(x_words.y);
    const float2 gate_low = of_two_float16(gate_words.x);
    const float2 gate_high = of_two_float16(gate_words.y);
    float4 sum = make_float4(skip.x * x_low.x, skip.y * x_low.y, skip.z * x_high.x, skip.w * x_high.y);
#pragma unroll
    for (int lane = 0; lane < Lanes; ++lane) {
      const float4 part =
          *reinterpret_cast<const float4*>(parts + (block % 2 * Lanes + lane) * lane_stride + helper * 4);
      sum.x += part.x;
      sum.y += part.y;
      sum.z += part.z;
      sum.w += part.w;
    }
    if (token < tokens) {
      *reinterpret_cast<uint2*>(to) =
          make_uint2(two_float16(sum.x * approximate_silu(gate_low.x), sum.y * approximate_silu(gate_low.y)),
                     two_float16(sum.z * approximate_silu(gate_high.x), sum.w * approximate_silu(gate_high.y)));
    }
    token += BlockTokens;
    to += BlockTokens * 64;
  }
  for (int own = first_channel + helper; own < first_channel + BlockChannels && own < Channels; own += helpers) {
    float* before = window + sequence * StateStride + own;
    for (int k = 0; k < Taps - 1; ++k) {  // oldest first: what is read has not been written yet
      const int token = tokens - (Taps - 1) + k;
      before[k * Channels] = token < 0 ? before[(token + Taps - 1) * Channels]
                                       : to_float(projected[(first_row + token) * ProjectedStride + own]);
    }
  }
}

}  // namespace mambac
