// The causal depthwise convolution in front of the recurrence, with its silu.
#pragma once

#include "runtime/cuda_mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// output = silu(bias + sum over k of taps[k] x[t - `Taps - 1` + k]) for `tokens` tokens of each sequence; a thread for
// each channel. taps (`Taps`, `Channels`); window (`Taps - 1`, `Channels`) of a sequence holds the inputs before its
// first token, oldest first, and is left holding the last ones. Input and output have sequences * tokens rows.
template <int Channels, int Taps, int InputStride, int OutputStride, int StateStride, bool Bias, int Threads>
__global__ void __launch_bounds__(Threads)
    convolve(const float* taps, const float* bias, float* window, const float* input, float* output, int tokens) {
  const int channel = blockIdx.x * Threads + threadIdx.x;
  const long sequence = blockIdx.y;
  if (channel >= Channels) return;
  float* before = window + sequence * StateStride + channel;
  float tap[Taps];
  float x[Taps];
#pragma unroll
  for (int k = 0; k < Taps; ++k) tap[k] = taps[k * Channels + channel];
#pragma unroll
  for (int k = 0; k < Taps - 1; ++k) x[k] = before[k * Channels];
  for (int token = 0; token < tokens; ++token) {
    const long row = sequence * tokens + token;
    x[Taps - 1] = input[row * InputStride + channel];
    float sum = Bias ? bias[channel] : 0.0f;
#pragma unroll
    for (int k = 0; k < Taps; ++k) sum += tap[k] * x[k];
    output[row * OutputStride + channel] = silu(sum);
#pragma unroll
    for (int k = 0; k < Taps - 1; ++k) x[k] = x[k + 1];
  }
#pragma unroll
  for (int k = 0; k < Taps - 1; ++k) before[k * Channels] = x[k];
}

}  // namespace mambac
