// The causal depthwise convolution with its silu, from in_proj's rows to an operand of x_proj.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_halves.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

__device__ inline void eight_floats(uint4 words, float* values) {
  const float2 pairs[4] = {of_two_float16(words.x), of_two_float16(words.y), of_two_float16(words.z),
                           of_two_float16(words.w)};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[2 * i] = pairs[i].x;
    values[2 * i + 1] = pairs[i].y;
  }
}

// output = silu(bias + sum over k of taps[k] x[t - `Taps - 1` + k]) for `tokens` tokens of each sequence. taps (`Taps`,
// `Channels`); window (`Taps - 1`, `Channels`) of a sequence holds the inputs before its first token, oldest first (the
// scan, which comes after, moves it on). A thread takes eight channels and `BlockTokens` tokens; blockIdx.y counts
// sequence by sequence the blocks of tokens. Output (`OutputRows` in tiles, `PaddedChannels`), zero from `Channels` on.
template <int Channels, int PaddedChannels, int Taps, int InputStride, int OutputRows, int StateStride, bool Bias,
          int BlockTokens, int Threads>
__global__ void __launch_bounds__(Threads) convolve_tiles(const float* taps, const float* bias, const float* window,
                                                          const float16* input, float16* output, int tokens) {
  const int channel = (blockIdx.x * Threads + threadIdx.x) * 8;
  const int blocks_of_sequence = (tokens + BlockTokens - 1) / BlockTokens;
  const long sequence = blockIdx.y / blocks_of_sequence;
  const int first_token = blockIdx.y % blocks_of_sequence * BlockTokens;
  if (channel >= PaddedChannels) return;
  const bool real = channel < Channels;
  const float* before = window + sequence * StateStride + channel;
  const float16* from = input + sequence * tokens * InputStride + channel;
  uint4 words[BlockTokens + Taps - 1];  // eight inputs of a token each; all are under way at once
#pragma unroll
  for (int i = 0; i < BlockTokens + Taps - 1; ++i) {
    const int token = first_token - (Taps - 1) + i;
    words[i] = token >= 0 && token < tokens
                   ? *reinterpret_cast<const uint4*>(from + static_cast<long>(token) * InputStride)
                   : make_uint4(0, 0, 0, 0);
  }
  float tap[Taps][8];
  float start[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) start[i] = Bias && real ? bias[channel + i] : 0.0f;
#pragma unroll
  for (int k = 0; k < Taps; ++k) {
#pragma unroll
    for (int i = 0; i < 8; ++i) tap[k][i] = real ? taps[k * Channels + channel + i] : 0.0f;
  }
  float x[Taps][8];
#pragma unroll
  for (int k = 0; k < Taps - 1; ++k) {
    eight_floats(words[k], x[k]);
    const int token = first_token - (Taps - 1) + k;
    if (token < 0) {
#pragma unroll
      for (int i = 0; i < 8; ++i) x[k][i] = real ? before[(token + Taps - 1) * Channels + i] : 0.0f;
    }
  }
#pragma unroll
  for (int token = 0; token < BlockTokens; ++token) {
    eight_floats(words[token + Taps - 1], x[Taps - 1]);
    float sum[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      sum[i] = start[i];
#pragma unroll
      for (int k = 0; k < Taps; ++k) sum[i] += tap[k][i] * x[k][i];
      sum[i] = approximate_silu(sum[i]);
    }
    if (first_token + token < tokens) {
      const long row = sequence * tokens + first_token + token;
      *reinterpret_cast<uint4*>(output + tile_offset<OutputRows>(row, channel)) = eight_float16(sum);
    }
#pragma unroll
    for (int k = 0; k < Taps - 1; ++k) {
#pragma unroll
      for (int i = 0; i < 8; ++i) x[k][i] = x[k + 1][i];
    }
  }
}

}  // namespace mambac
