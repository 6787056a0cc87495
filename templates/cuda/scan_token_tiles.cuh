// One token of the recurrence of Mamba-1 for many sequences, between matrix products on the tensor cores: what
// scan_tiles is for many tokens.
#pragma once

#include "runtime/cuda_approximations.h"
#include "runtime/cuda_halves.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// For every channel of every sequence:
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// Arguments as those of scan_tiles, with a row for each sequence. A thread takes two channels; blockIdx.y is the
// sequence.
template <int Channels, int PaddedChannels, int States, int Taps, int Rows, int ProjectedStride, int StateStride,
          int Threads>
__global__ void __launch_bounds__(Threads)
    scan_token_tiles(const float* a, const float* d, float* h, float* window, const float16* delta, const bfloat16* x,
                     const float16* projected, const unsigned* bc, bfloat16* output) {
  const int channel = (blockIdx.x * Threads + threadIdx.x) * 2;
  const long sequence = blockIdx.y;
  if (channel >= PaddedChannels) return;
  unsigned* const own_output = reinterpret_cast<unsigned*>(output + tile_offset<Rows>(sequence, channel));
  if (channel >= Channels) {
    *own_output = 0;
    return;
  }
  // What the state holds is on its way first.
  float* const own_h = h + sequence * StateStride + channel;
  float* const own_window = window + sequence * StateStride + channel;
  float2 value[States];
  for (int n = 0; n < States; ++n) value[n] = *reinterpret_cast<const float2*>(own_h + n * Channels);
  float2 inputs[Taps];  // of the convolution, oldest first
  for (int k = 1; k < Taps - 1; ++k) inputs[k] = *reinterpret_cast<const float2*>(own_window + k * Channels);

  const float16* const own_projected = projected + sequence * ProjectedStride + channel;
  inputs[Taps - 1] = of_two_float16(*reinterpret_cast<const unsigned*>(own_projected));
  const float2 gate = of_two_float16(*reinterpret_cast<const unsigned*>(own_projected + PaddedChannels));
  const float2 step = of_two_float16(*reinterpret_cast<const unsigned*>(delta + sequence * PaddedChannels + channel));
  const float2 own_x = of_two_bfloat16(*reinterpret_cast<const unsigned*>(x + tile_offset<Rows>(sequence, channel)));
  const float2 skip = *reinterpret_cast<const float2*>(d + channel);
  constexpr float log2_of_e = 1.44269504f;
  float2 y = make_float2(skip.x * own_x.x, skip.y * own_x.y);
  for (int n = 0; n < States; ++n) {
    const float2 b_and_c = of_two_float16(bc[sequence * States + n]);
    const float2 rate = *reinterpret_cast<const float2*>(a + n * Channels + channel);
    value[n].x = approximate_exp2(step.x * (rate.x * log2_of_e)) * value[n].x + step.x * own_x.x * b_and_c.x;
    value[n].y = approximate_exp2(step.y * (rate.y * log2_of_e)) * value[n].y + step.y * own_x.y * b_and_c.x;
    y.x += value[n].x * b_and_c.y;
    y.y += value[n].y * b_and_c.y;
  }
  for (int n = 0; n < States; ++n) *reinterpret_cast<float2*>(own_h + n * Channels) = value[n];
  for (int k = 0; k < Taps - 1; ++k) *reinterpret_cast<float2*>(own_window + k * Channels) = inputs[k + 1];
  *own_output = two_bfloat16(y.x * approximate_silu(gate.x), y.y * approximate_silu(gate.y));
}

}  // namespace mambac
