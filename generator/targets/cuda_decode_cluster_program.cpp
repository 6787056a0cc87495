#include "generator/targets/cuda_decode_cluster_program.h"

#include <fmt/format.h>

#include "generator/configuration/cuda_architecture.h"
#include "generator/shape.h"
#include "generator/targets/stream_builder.h"

namespace mambac {
namespace {

const Mamba1Mixer& mixer_of(const Plan& plan) { return std::get<Mamba1Mixer>(plan.model.mixer); }

void pack_layer(int64_t layer, const Plan& plan, const DecodeClusterShape& shape, StreamBuilder& stream) {
  const Mamba1Mixer& mixer = mixer_of(plan);
  const int64_t inner = mixer.inner_size, channels = shape.channels, rank = mixer.delta_rank;
  const int64_t states = mixer.state_size;
  const auto named = [&](const char* name) { return fmt::format("layers.{}.{}", layer, name); };
  for (int64_t warp = 0; warp < shape.warps; ++warp) {
    for (const int64_t first : {int64_t{0}, inner}) {  // x, z
      stream.rows_of(named("in_proj"), first + 2 * warp, first + inner, channels, 2, shape.size, shape.size);
    }
  }
  for (int64_t column = 0; column < channels; column += 4) {
    const StreamBuilder::Columns four{.first_column = column, .step = channels, .columns = 4, .slab = 4};
    StreamBuilder::Columns dt = four, b_c = four;
    dt.row_end = rank, dt.rows = shape.rank_padded;
    b_c.first_row = rank, b_c.row_end = rank + 2 * states, b_c.rows = 2 * states;
    stream.columns_of(named("x_proj"), dt).columns_of(named("x_proj"), b_c);
  }
  stream.columns_of(
      named("out_proj"),
      {.row_end = plan.model.model_size, .rows = shape.size, .step = channels, .columns = channels, .slab = 4});
  stream.rows_of(named("convolution"), 0, inner, channels, mixer.convolution_taps, 1);
  if (mixer.convolution_bias) {
    stream.rows_of(named("convolution_bias"), 0, inner, channels, 1, 1);
  } else {
    stream.zeros(named("D"), channels);
  }
  stream.rows_of(named("dt_proj"), 0, inner, channels, rank, rank)
      .rows_of(named("dt_proj_bias"), 0, inner, channels, 1, 1)
      .rows_of(named("A"), 0, inner, channels, states, states)
      .rows_of(named("D"), 0, inner, channels, 1, 1);
}

}  // namespace

std::optional<DecodeClusterShape> decode_cluster_shape_of(const Plan& plan) {
  const bool clusters = cuda_architecture(plan.deployment.arch).one_launch;
  if (plan.deployment.batch != 1 || !clusters || plan.weight_type != WeightType::f32) return std::nullopt;
  return decode_cluster_shape(plan.model, mixer_of(plan), plan.deployment.blocks);
}

void pack_for_decode_cluster(const Graph& graph, const DecodeClusterShape& shape, Plan& plan) {
  const int64_t size = plan.model.model_size;
  StreamBuilder stream(graph, plan.weight_type, "decode_cluster", shape.blocks);
  for (int64_t layer = 0; layer < plan.model.layers; ++layer) {
    stream.vector_of(fmt::format("layers.{}.norm", layer), size, shape.size);
  }
  stream.vector_of("final_norm", size, shape.size);
  stream.fill_up((plan.model.layers + 1) * shape.size * int64_t{sizeof(float)});
  stream.rows_of("input_proj", 0, size, shape.rows, shape.input_padded, shape.input_padded)
      .rows_of("input_proj_bias", 0, size, shape.rows, 1, 1)
      .fill_up(shape.input_bytes);
  for (int64_t layer = 0; layer < plan.model.layers; ++layer) {
    pack_layer(layer, plan, shape, stream);
    stream.fill_up(shape.layer_bytes);
  }
  stream.add_to(plan);
}

Call decode_cluster_call(const Graph& graph, const Plan& plan, const DecodeClusterShape& shape, Argument count) {
  const ModelConfiguration& model = plan.model;
  const Mamba1Mixer& mixer = mixer_of(plan);
  const bool one = std::holds_alternative<int64_t>(count);
  Call call{.kernel = "decode_cluster",
            .about = std::string(one ? "a token" : "one token after the other") +
                     " through the whole model, which one cluster of blocks holds"};
  call.shape = {{"Weight", "float"},
                {"Blocks", shape.blocks},
                {"Warps", shape.warps},
                {"Layers", model.layers},
                {"Size", model.model_size},
                {"Inner", mixer.inner_size},
                {"Rank", mixer.delta_rank},
                {"Taps", mixer.convolution_taps},
                {"InputSize", model.input_size},
                {"WeightsOffset", plan.weight("decode_cluster").offset}};
  call.arguments = {{"weights", Operand{Space::weights, ""}},
                    {"state", Operand{Space::state, graph.state.front().name, 0, 0, 0, false, true}},
                    {"input", Operand{Space::input, "", 0, model.input_size, model.input_size}},
                    {"output", Operand{Space::output, "", 0, model.outputs(), model.outputs(), false, true}},
                    {"count", std::move(count)},
                    {"epsilon", model.norm_epsilon}};
  call.launch = Launch{.blocks = shape.blocks,
                       .threads = shape.threads,
                       .shared_bytes = shape.shared_bytes,
                       .cluster_blocks = shape.blocks,
                       .overlapping = true};
  return call;
}

}  // namespace mambac
