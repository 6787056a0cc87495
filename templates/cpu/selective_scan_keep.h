// The recurrence of Mamba-1 in training: a scan that keeps the state every few tokens.
#pragma once

#include "templates/cpu/selective_scan.h"

namespace mambac {

// As `selective_scan`; before every `Interval` tokens of a sequence its state goes to the next of its `Checkpoints`
// checkpoints, each (`States`, `Channels`). `selective_scan_backward` starts from them.
// {Parts > 1 ? Threads share the channels: this is `part` of `Parts`.}
template <int Channels, int States, int DeltaStride, int InputStride, int GateStride, int BCStride, int OutputStride,
          int StateStride, int Interval, int Checkpoints, int Lanes, int Parts>
inline void selective_scan_keep(const float* a, const float* d, float* h, const float* delta_input, const float* x,
                                const float* gate, const float* b, const float* c, float* output, float* checkpoints,
                                int sequences, int tokens, int part) {
  constexpr int blocks = Channels / Lanes;
  const int first = (Parts == 1 ? 0 : part * blocks / Parts) * Lanes;
  const int end = (Parts == 1 ? blocks : (part + 1) * blocks / Parts) * Lanes;
  for (long sequence = 0; sequence < sequences; ++sequence) {
    float* state = h + sequence * StateStride;
    for (int token = 0; token < tokens; token += Interval) {
      float* kept = checkpoints + (sequence * Checkpoints + token / Interval) * (States * Channels);
      for (int n = 0; n < States; ++n) {
        __builtin_memcpy(kept + n * Channels + first, state + n * Channels + first, (end - first) * sizeof(float));
      }
      const long row = sequence * tokens + token;
      const int count = tokens - token < Interval ? tokens - token : Interval;
      selective_scan<Channels, States, DeltaStride, InputStride, GateStride, BCStride, OutputStride, StateStride, Lanes,
                     Parts>(a, d, state, delta_input + row * DeltaStride, x + row * InputStride,
                            gate + row * GateStride, b + row * BCStride, c + row * BCStride,
                            output + row * OutputStride, 1, count, part);
    }
  }
}

}  // namespace mambac
