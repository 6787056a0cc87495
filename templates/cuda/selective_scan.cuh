// The recurrence of Mamba-1 (Gu, Dao 2023, algorithm 2) with everything around it that works on channels alone.
#pragma once

#include "runtime/cuda_mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// For every channel and token, with delta = softplus(delta_input):
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// a and, per sequence, h are (`States`, `Channels`); delta_input, x, gate and output have sequences * tokens rows of
// `Channels`, b and c rows of `States`. h is left as it is after the last token. A thread for each channel.
template <int Channels, int States, int DeltaStride, int InputStride, int GateStride, int BCStride, int OutputStride,
          int StateStride, int Threads>
__global__ void __launch_bounds__(Threads)
    selective_scan(const float* a, const float* d, float* h, const float* delta_input, const float* x,
                   const float* gate, const float* b, const float* c, float* output, int tokens) {
  const int channel = blockIdx.x * Threads + threadIdx.x;
  const long sequence = blockIdx.y;
  if (channel >= Channels) return;
  float* state = h + sequence * StateStride + channel;
  float value[States];
  float rate[States];
#pragma unroll
  for (int n = 0; n < States; ++n) {
    value[n] = state[n * Channels];
    rate[n] = a[n * Channels + channel];
  }
  for (int token = 0; token < tokens; ++token) {
    const long row = sequence * tokens + token;
    const float delta = softplus(delta_input[row * DeltaStride + channel]);
    const float input = x[row * InputStride + channel];
    const float drive = delta * input;
    float sum = d[channel] * input;
#pragma unroll
    for (int n = 0; n < States; ++n) {
      value[n] = expf(delta * rate[n]) * value[n] + drive * b[row * BCStride + n];
      sum += value[n] * c[row * BCStride + n];
    }
    output[row * OutputStride + channel] = sum * silu(gate[row * GateStride + channel]);
  }
#pragma unroll
  for (int n = 0; n < States; ++n) state[n * Channels] = value[n];
}

}  // namespace mambac
