#include "generator/targets/cuda_decode_cluster.h"

#include <algorithm>

#include "generator/plan/plan.h"

namespace mambac {

std::optional<DecodeClusterShape> decode_cluster_shape(const ModelConfiguration& model, const Mamba1Mixer& mixer,
                                                       int64_t most_blocks) {
  constexpr int64_t weight_bytes = sizeof(float);
  constexpr int64_t shared_memory = (227 << 10) - 256;  // the barriers take some
  constexpr int64_t states = 16;
  const bool served = model.continuous() && model.output_size == 0 && model.norm == Norm::rms &&
                      mixer.state_size == states && mixer.delta_rank <= 16 && mixer.convolution_taps >= 2 &&
                      !mixer.projection_bias && !mixer.delta_b_c_norm_epsilon;
  if (!served) return std::nullopt;

  DecodeClusterShape shape;
  shape.blocks = 16;
  if (most_blocks < shape.blocks) return std::nullopt;
  shape.channels = round_up(divide_up(mixer.inner_size, shape.blocks), 8);
  shape.warps = shape.channels / 2;
  shape.threads = 32 * shape.warps;
  shape.size = round_up(model.model_size, 128);
  shape.rows = shape.size / shape.blocks;
  shape.input_padded = round_up(model.input_size, 128);
  shape.rank_padded = round_up(mixer.delta_rank, 4);
  const int64_t exchanged = shape.rank_padded + 2 * states;
  if (shape.threads > 1024 || shape.size > shape.threads || 2 * exchanged > shape.threads) return std::nullopt;

  shape.input_bytes = round_up(shape.rows * (shape.input_padded * weight_bytes + 4), 16);
  const int64_t floats_of_channel = mixer.convolution_taps + 1 + mixer.delta_rank + 1 + states + 1;
  shape.layer_bytes = shape.channels * ((3 * shape.size + exchanged) * weight_bytes + floats_of_channel * 4);
  shape.block_bytes = (model.layers + 1) * shape.size * 4 + shape.input_bytes + model.layers * shape.layer_bytes;
  const int64_t floats = model.layers * mixer.convolution_taps * shape.threads +
                         shape.blocks * (exchanged + shape.size) + 3 * shape.size + 2 * shape.channels +
                         std::max(shape.size, exchanged) + exchanged;
  shape.shared_bytes = shape.block_bytes + 4 * floats;
  if (shape.shared_bytes > shared_memory) return std::nullopt;
  return shape;
}

}  // namespace mambac
