// One token of the recurrence of Mamba-1 for many sequences, between matrix products on the tensor cores: what scan_tiles
// is for many tokens.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_halves.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// For every channel of every sequence:
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// Arguments as those of scan_tiles, with a row for each sequence. A thread takes a channel; blockIdx.y is the sequence.
template <int Channels, int PaddedChannels, int States, int Taps, int Rows, int ProjectedStride, int StateStride,
          int Threads>
__global__ void __launch_bounds__(Threads)
    scan_token_tiles(const float* a, const float* d, float* h, float* window, const float16* delta, const bfloat16* x,
                     const float16* projected, const unsigned* bc, bfloat16* output) {
  const int channel = blockIdx.x * Threads + threadIdx.x;
  const long sequence = blockIdx.y;
  if (channel >= PaddedChannels) return;
  bfloat16* const own_output = output + tile_offset<Rows>(sequence, channel);
  if (channel >= Channels) {
    *own_output = to_bfloat16(0.0f);
    return;
  }
  // What the state holds is on its way first.
  float* const own_h = h + sequence * StateStride + channel;
  float* const own_window = window + sequence * StateStride + channel;
  float value[States];
  for (int n = 0; n < States; ++n) value[n] = own_h[n * Channels];
  float inputs[Taps];  // of the convolution, oldest first
  for (int k = 1; k < Taps - 1; ++k) inputs[k] = own_window[k * Channels];
  const float16* const own_projected = projected + sequence * ProjectedStride + channel;
  inputs[Taps - 1] = to_float(own_projected[0]);

  const float gate = to_float(own_projected[PaddedChannels]);
  const float own_delta = to_float(delta[sequence * PaddedChannels + channel]);
  const float own_x = to_float(x[tile_offset<Rows>(sequence, channel)]);
  const float drive = own_delta * own_x;
  float y = d[channel] * own_x;
  for (int n = 0; n < States; ++n) {
    const float2 b_and_c = of_two_float16(bc[sequence * States + n]);
    const float decay = approximate_exp2(own_delta * (a[n * Channels + channel] * 1.44269504f));
    value[n] = decay * value[n] + drive * b_and_c.x;
    y += value[n] * b_and_c.y;
  }
  for (int n = 0; n < States; ++n) own_h[n * Channels] = value[n];
  for (int k = 0; k < Taps - 1; ++k) own_window[k * Channels] = inputs[k + 1];
  *own_output = to_bfloat16(y * approximate_silu(gate));
}

}  // namespace mambac
