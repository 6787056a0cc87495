// How the decode kernel (templates/cuda/decode.cuh) is cut for a model: who has which rows, how the weights come.
#pragma once

#include <cstdint>
#include <optional>

#include "generator/configuration/model_configuration.h"

namespace mambac {

// Template arguments of `decode` by their names there, and what follows from them. Bytes unless said otherwise.
struct DecodeShape {
  int64_t blocks = 0, warps = 0, channels_per_warp = 0, row_parts = 0, rows_per_warp = 0;
  int64_t size_slab = 0, inner_slab = 0;  // columns of a stage
  int64_t slots = 0, slot_bytes = 0, in_flight = 0;
  int64_t delay = 0;  // cycles
  bool read_once = false;

  int64_t channels = 0, rows = 0;                                  // of a block
  int64_t inner_padded = 0, size_padded = 0;                       // of all blocks
  int64_t input_padded = 0, rank_padded = 0;                       // columns of input_proj and dt_proj
  int64_t input_bytes = 0;                                         // a block's, of input_proj; 0: no such matrix
  int64_t convolution_bytes = 0, scan_bytes = 0, layer_bytes = 0;  // a block's in each layer
  int64_t threads = 0, shared_bytes = 0, exchange_bytes = 0;
};

// For one sequence on at most `most_blocks` multiprocessors; `weight_bytes`: 2 or 4 of a matrix element. Nothing if no
// cut fits into the shared memory of a multiprocessor.
std::optional<DecodeShape> decode_shape(const ModelConfiguration& model, const Mamba1Mixer& mixer, int64_t weight_bytes,
                                        int64_t most_blocks);

}  // namespace mambac
