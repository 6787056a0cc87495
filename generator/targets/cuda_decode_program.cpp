#include "generator/targets/cuda_decode_program.h"

#include <fmt/format.h>

#include "generator/configuration/cuda_architecture.h"
#include "generator/shape.h"
#include "generator/targets/call_builder.h"
#include "generator/targets/packing.h"
#include "generator/targets/stream_builder.h"

namespace mambac {
namespace {

const Mamba1Mixer& mixer_of(const Plan& plan) { return std::get<Mamba1Mixer>(plan.model.mixer); }

bool has_head(const ModelConfiguration& model) { return !model.continuous() || model.output_size > 0; }
bool is_tied(const ModelConfiguration& model) { return !model.continuous() && model.tied_embedding; }

void pack_layers(const Graph& graph, const DecodeShape& shape, Plan& plan) {
  const Mamba1Mixer& mixer = mixer_of(plan);
  const int64_t inner = mixer.inner_size, channels = shape.channels, width = 16 / bytes_of_element(plan.weight_type);
  StreamBuilder stream(graph, plan.weight_type, "decode.layers", shape.blocks);
  for (int64_t layer = 0; layer < plan.model.layers; ++layer) {
    const auto named = [&](const char* name) { return fmt::format("layers.{}.{}", layer, name); };
    const int64_t product_bytes = channels * shape.size_padded * bytes_of_element(plan.weight_type);
    stream.rows_of(named("in_proj"), 0, inner, channels, shape.size_padded, shape.size_slab).fill_up(product_bytes);

    const int64_t exchanged = mixer.delta_rank + 2 * mixer.state_size;
    stream
        .columns_of(named("x_proj"), {.row_end = exchanged,
                                      .rows = exchanged,
                                      .step = channels,
                                      .columns = round_up(channels, width),
                                      .slab = width})
        .rows_of(named("convolution"), 0, inner, channels, mixer.convolution_taps, 1);
    if (mixer.convolution_bias) {
      stream.rows_of(named("convolution_bias"), 0, inner, channels, 1, 1);
    } else {
      stream.zeros(named("D"), channels);
    }
    if (mixer.projection_bias) stream.rows_of(named("in_proj_bias"), 0, inner, channels, 1, 1);
    stream.fill_up(shape.convolution_bytes);

    stream.rows_of(named("in_proj"), inner, 2 * inner, channels, shape.size_padded, shape.size_slab)
        .fill_up(product_bytes);

    stream.rows_of(named("dt_proj"), 0, inner, channels, shape.rank_padded, shape.rank_padded)
        .fill_up_to_multiple(16)
        .rows_of(named("A"), 0, inner, channels, mixer.state_size, mixer.state_size)
        .rows_of(named("dt_proj_bias"), 0, inner, channels, 1, 1)
        .rows_of(named("D"), 0, inner, channels, 1, 1);
    if (mixer.projection_bias) {
      stream.rows_of(named("in_proj_bias"), inner, 2 * inner, channels, 1, 1)
          .rows_of(named("out_proj_bias"), 0, plan.model.model_size, shape.rows, 1, 1);
    }
    stream.fill_up(shape.scan_bytes);

    stream.rows_of(named("out_proj"), 0, plan.model.model_size, shape.rows, shape.inner_padded, shape.inner_slab)
        .fill_up(shape.rows * shape.inner_padded * bytes_of_element(plan.weight_type));
  }
  stream.add_to(plan);
}

void pack_norms(const Graph& graph, const DecodeShape& shape, Plan& plan) {
  StreamBuilder stream(graph, plan.weight_type, "decode.norms", 1);
  const auto add = [&](const std::string& name) {
    stream.rows_of(name, 0, plan.model.model_size, shape.size_padded, 1, 1);
    if (plan.model.norm == Norm::layer) {
      stream.rows_of(name + "_bias", 0, plan.model.model_size, shape.size_padded, 1, 1);
    }
  };
  for (int64_t layer = 0; layer < plan.model.layers; ++layer) add(fmt::format("layers.{}.norm", layer));
  add("final_norm");
  stream.add_to(plan);
}

// Head or embedding, in groups of as many rows as a block has channels.
void pack_rows_of_vocabulary(const Graph& graph, const DecodeShape& shape, const std::string& weight, Plan& plan) {
  const int64_t rows = graph.checkpoint_tensor(graph.weight(weight).source).shape.front();
  StreamBuilder stream(graph, plan.weight_type, "decode." + weight, divide_up(rows, shape.channels));
  stream.rows_of(weight, 0, rows, shape.channels, shape.size_padded, shape.size_slab).add_to(plan);
}

int64_t offset_of(const Plan& plan, const std::string& weight, bool exists) {
  return exists ? plan.weight(weight).offset : 0;
}

}  // namespace

std::optional<DecodeShape> decode_shape_of(const Plan& plan) {
  const bool copies = cuda_architecture(plan.deployment.arch).one_launch;
  if (plan.deployment.batch != 1 || !copies) return std::nullopt;
  return decode_shape(plan.model, mixer_of(plan), bytes_of_element(plan.weight_type), plan.deployment.blocks);
}

void pack_for_decode(const Graph& graph, const DecodeShape& shape, Plan& plan) {
  const ModelConfiguration& model = plan.model;
  if (model.continuous()) {
    StreamBuilder(graph, plan.weight_type, "decode.input_proj", shape.blocks)
        .rows_of("input_proj", 0, model.model_size, shape.rows, shape.input_padded, shape.input_padded)
        .rows_of("input_proj_bias", 0, model.model_size, shape.rows, 1, 1)
        .fill_up(shape.input_bytes)
        .add_to(plan);
  }
  pack_layers(graph, shape, plan);
  pack_norms(graph, shape, plan);
  if (!model.continuous()) pack_rows_of_vocabulary(graph, shape, "embedding", plan);
  if (has_head(model) && !is_tied(model)) pack_rows_of_vocabulary(graph, shape, "head", plan);
  if (model.continuous() && has_head(model)) {
    StreamBuilder(graph, plan.weight_type, "decode.head_bias", 1)
        .rows_of("head_bias", 0, model.outputs(), model.outputs(), 1, 1)
        .add_to(plan);
  }
}

DecodeArguments decode_arguments(const ModelConfiguration& model, Argument count) {
  const Operand tokens{Space::tokens, "", 0, 1, 1}, values{Space::input, "", 0, model.input_size, model.input_size};
  return {.tokens = model.continuous() ? Argument(NoOperand{}) : Argument(tokens),
          .input = model.continuous() ? Argument(values) : Argument(NoOperand{}),
          .output = Operand{Space::output, "", 0, model.outputs(), model.outputs(), false, true},
          .count = std::move(count)};
}

Call decode_call(const Graph& graph, const Plan& plan, const DecodeShape& shape, const DecodeArguments& arguments) {
  const ModelConfiguration& model = plan.model;
  const Mamba1Mixer& mixer = mixer_of(plan);
  const bool head = has_head(model), continuous = model.continuous();
  const bool one = std::holds_alternative<int64_t>(arguments.count);
  Call call{.kernel = "decode",
            .about = std::string(one ? "a token" : "one token after the other") +
                     " through the whole model, every block a share of it"};
  call.shape = {{"Weight", plan.weight_type == WeightType::f32 ? "float" : "bfloat16"},
                {"Blocks", shape.blocks},
                {"Warps", shape.warps},
                {"ChannelsPerWarp", shape.channels_per_warp},
                {"RowParts", shape.row_parts},
                {"RowsPerWarp", shape.rows_per_warp},
                {"SizeSlab", shape.size_slab},
                {"InnerSlab", shape.inner_slab},
                {"Slots", shape.slots},
                {"SlotBytes", shape.slot_bytes},
                {"InFlight", shape.in_flight},
                {"Delay", shape.delay},
                {"ReadOnce", boolean(shape.read_once)},
                {"Layers", model.layers},
                {"Size", model.model_size},
                {"Inner", mixer.inner_size},
                {"States", mixer.state_size},
                {"Rank", mixer.delta_rank},
                {"Taps", mixer.convolution_taps},
                {"InputSize", model.input_size},
                {"Vocabulary", model.vocabulary},
                {"Outputs", model.outputs()},
                {"Head", boolean(head)},
                {"HeadBias", boolean(head && continuous)},
                {"LayerNorm", boolean(model.norm == Norm::layer)},
                {"ProjectionBias", boolean(mixer.projection_bias)},
                {"NormedDelta", boolean(mixer.delta_b_c_norm_epsilon.has_value())},
                {"InputOffset", offset_of(plan, "decode.input_proj", continuous)},
                {"LayersOffset", offset_of(plan, "decode.layers", true)},
                {"NormsOffset", offset_of(plan, "decode.norms", true)},
                {"EmbeddingOffset", offset_of(plan, "decode.embedding", !continuous)},
                {"HeadOffset", offset_of(plan, is_tied(model) ? "decode.embedding" : "decode.head", head)},
                {"HeadBiasOffset", offset_of(plan, "decode.head_bias", head && continuous)}};
  const WorkspaceBuffer exchange = decode_exchange(shape);
  call.arguments = {
      {"weights", Operand{Space::weights, ""}},
      {"state", Operand{Space::state, graph.state.front().name, 0, 0, 0, false, true}},
      {"exchange_memory", Operand{Space::workspace, exchange.name, 0, exchange.row_stride, exchange.row_stride}},
      {"tokens", arguments.tokens},
      {"input", arguments.input},
      {"output", arguments.output},
      {"count", arguments.count},
      {"stopped", arguments.stopped},
      {"epsilon", model.norm_epsilon},
      {"delta_epsilon", mixer.delta_b_c_norm_epsilon.value_or(0)}};
  call.launch =
      Launch{.blocks = shape.blocks, .threads = shape.threads, .shared_bytes = shape.shared_bytes, .cooperative = true};
  return call;
}

WorkspaceBuffer decode_exchange(const DecodeShape& shape) {
  return {.name = "exchange",
          .rows = 1,
          .row_stride = round_up(shape.exchange_bytes, 256) / int64_t{sizeof(float)},
          .kept = true};
}

}  // namespace mambac
