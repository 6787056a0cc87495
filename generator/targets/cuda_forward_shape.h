// How the forward kernels for the tensor cores (templates/cuda/project_tiles.cuh, scan_tiles.cuh) are cut for a model.
#pragma once

#include <cstdint>
#include <optional>

#include "generator/configuration/model_configuration.h"

namespace mambac {

// How a block of `project_tiles` works: its BlockRows, BlockOutputs, Parts and Stages.
struct ProductTiles {
  int64_t rows = 0, outputs = 0;  // of a block's tile
  int64_t parts = 1;
  int64_t stages = 0;

  int64_t threads() const { return rows * 2 + 32; }
  int64_t shared_bytes() const { return stages * ((rows + outputs) * 128 + 16); }
};

constexpr int64_t token_rows = 32;  // sequences of a block of `convolve_token_tiles`

struct ForwardShape {
  int64_t tokens = 0;  // of each sequence
  ProductTiles in, x, dt, out, head;
  int64_t lanes = 0, block_channels = 0, block_tokens = 0, slots = 0;  // of `scan_tiles`
  int64_t convolve_cluster = 0;                                        // `Cluster` of `convolve_token_tiles`

  int64_t scan_threads() const { return block_channels * lanes + 256; }
  int64_t scan_shared_bytes(int64_t states) const;
  int64_t convolve_token_shared_bytes(int64_t outputs) const;
  int64_t scan_token_shared_bytes(int64_t padded_rank, int64_t states) const;
};

// The quickest tiles for a product of `rows` rows with a matrix (`outputs`, `inputs`) on `blocks` multiprocessors. The
// matrix' rows are padded to a multiple of the tiles' outputs.
ProductTiles product_tiles(int64_t rows, int64_t outputs, int64_t inputs, int64_t blocks);

// For matrices of bfloat16. Nothing if the kernels do not serve the model: its states must be a multiple of four, at
// most 128.
std::optional<ForwardShape> forward_shape(const ModelConfiguration& model, const Mamba1Mixer& mixer, int64_t sequences,
                                          int64_t tokens, int64_t blocks);

}  // namespace mambac
