// How the decode kernel of small models (templates/cuda/decode_cluster.cuh) is cut: everything in the shared memory of
// one cluster.
#pragma once

#include <cstdint>
#include <optional>

#include "generator/configuration/model_configuration.h"

namespace mambac {

// Template arguments of `decode_cluster` by their names there, and what follows from them.
struct DecodeClusterShape {
  int64_t blocks = 0, warps = 0;
  int64_t channels = 0, rows = 0;                             // of a block
  int64_t size = 0, input_padded = 0, rank_padded = 0;        // columns, with padding
  int64_t input_bytes = 0, layer_bytes = 0, block_bytes = 0;  // packed, of a block
  int64_t threads = 0, shared_bytes = 0;
};

// Nothing if the kernel does not serve the model, or the cluster does not hold it. Weights of f32: the kernel keeps
// dt_proj as float, which would not be the dt_proj of a model in bf16.
std::optional<DecodeClusterShape> decode_cluster_shape(const ModelConfiguration& model, const Mamba1Mixer& mixer,
                                                       int64_t most_blocks);

}  // namespace mambac
