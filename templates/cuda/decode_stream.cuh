// Decode's copying warp: a block's weights, in the order in which the block reads them.
#pragma once

#include "runtime/cuda_ring.h"

namespace mambac {

using namespace mambac_runtime;

// {Stages > 1 ? `Stages` stages of `Bytes` bytes each that lie one after the other : One stage of `Bytes` bytes};
// `source` is moved behind {Stages > 1 ? them : it}. At most `in_flight` stages are under way at once (`landed` follows
// the stage that must have landed before): what is requested queues in front of the other warps' polls.
template <int Stages, int Bytes>
__device__ inline void copy_stages(Ring& ring, Ring& landed, int& ahead, int in_flight, const unsigned char*& source,
                                   unsigned long long policy) {
  static_assert(Bytes % 16 == 0);
  for (int stage = 0; stage < Stages; ++stage) {
    if (ahead == in_flight) {
      wait(full_barrier(landed), landed.phase);
      advance(landed);
      --ahead;
    }
    copy_stage(ring, source, Bytes, policy);
    source += Bytes;
    ++ahead;
  }
}

// For every token: input_proj (if any), the layers, the head (if any).
template <int Blocks, int Layers, int InputBytes, int InputStages, int InputStageBytes, int ConvolutionBytes,
          int ScanBytes, int OutputStages, int OutputStageBytes, int HeadGroups, int HeadStages, int HeadStageBytes,
          int InFlight>
__device__ inline void copy_weights(Ring ring, const unsigned char* input, const unsigned char* layers,
                                    const unsigned char* head, int tokens, unsigned long long policy) {
  constexpr long layer_bytes =
      2l * InputStages * InputStageBytes + ConvolutionBytes + ScanBytes + long{OutputStages} * OutputStageBytes;
  Ring landed = ring;
  int ahead = 0;
  for (int token = 0; token < tokens; ++token) {
    if constexpr (InputBytes > 0) {
      const unsigned char* source = input + long{blockIdx.x} * InputBytes;
      copy_stages<1, InputBytes>(ring, landed, ahead, InFlight, source, policy);
    }
    const unsigned char* source = layers + blockIdx.x * Layers * layer_bytes;
    for (int layer = 0; layer < Layers; ++layer) {
      copy_stages<InputStages, InputStageBytes>(ring, landed, ahead, InFlight, source, policy);
      copy_stages<1, ConvolutionBytes>(ring, landed, ahead, InFlight, source, policy);
      copy_stages<InputStages, InputStageBytes>(ring, landed, ahead, InFlight, source, policy);
      copy_stages<1, ScanBytes>(ring, landed, ahead, InFlight, source, policy);
      copy_stages<OutputStages, OutputStageBytes>(ring, landed, ahead, InFlight, source, policy);
    }
    source = head + long{blockIdx.x} * (HeadStages * HeadStageBytes);
    for (int group = blockIdx.x; group < HeadGroups; group += Blocks) {
      copy_stages<HeadStages, HeadStageBytes>(ring, landed, ahead, InFlight, source, policy);
      source += (Blocks - 1) * (HeadStages * HeadStageBytes);
    }
  }
}

}  // namespace mambac
