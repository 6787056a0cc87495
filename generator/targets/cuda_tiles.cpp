#include "generator/targets/cuda_tiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "generator/configuration/cuda_architecture.h"
#include "generator/targets/call_builder.h"
#include "generator/targets/packing.h"

namespace mambac {
namespace {

constexpr int64_t panel = 64;          // columns of an operand's panel
constexpr int64_t operand_rows = 128;  // rows of activations are padded to the tallest tile
constexpr int64_t warp = 32;

TileSizes sizes_of(const Plan& plan, const ForwardShape& shape) {
  const auto& mixer = std::get<Mamba1Mixer>(plan.model.mixer);
  TileSizes sizes{};
  sizes.size = plan.model.model_size, sizes.inner = mixer.inner_size, sizes.states = mixer.state_size;
  sizes.rank = mixer.delta_rank, sizes.taps = mixer.convolution_taps, sizes.shared = sizes.rank + 2 * sizes.states;
  sizes.channels = round_up(sizes.inner, channel_padding);
  sizes.size_panels = round_up(sizes.size, panel);
  sizes.inner_panels = round_up(sizes.inner, panel);
  sizes.rank_panels = round_up(sizes.rank, panel);
  sizes.operand_rows = round_up(plan.deployment.batch * shape.tokens, operand_rows);
  return sizes;
}

// A matrix in tiles: every segment of its rows padded to `segment_rows`, all of them to `rows`.
void add_tiles(const Graph& graph, const std::string& name, int64_t segment_rows, int64_t rows, Plan& plan) {
  PackedTensor tensor = unpacked(graph, graph.weight(name), plan.weight_type);
  tensor.packing = Packing::tiles;
  tensor.type = WeightType::f16;
  if (tensor.segments.empty()) tensor.segments = {{0, tensor.rows}};
  tensor.segment_rows = segment_rows;
  tensor.padded_rows = rows;
  tensor.bytes = rows * round_up(tensor.columns, panel) * bytes_of_element(tensor.type);
  add_weight(std::move(tensor), plan);
}

}  // namespace

std::optional<ForwardShape> forward_shape_of(const Plan& plan, int64_t tokens_of_sequence) {
  const auto& mixer = std::get<Mamba1Mixer>(plan.model.mixer);
  const bool bf16 = plan.weight_type == WeightType::bf16, tokens = !plan.model.continuous();
  if (!bf16 || !tokens || mixer.projection_bias || !cuda_architecture(plan.deployment.arch).wgmma) return std::nullopt;
  return forward_shape(plan.model, mixer, plan.deployment.batch, tokens_of_sequence, plan.deployment.blocks);
}

void pack_in_tiles(const Graph& graph, const std::vector<ForwardShape>& shapes, Plan& plan) {
  const TileSizes sizes = sizes_of(plan, shapes.front());
  const auto padded = [&](int64_t rows, ProductTiles ForwardShape::* product) {
    int64_t widths = 1;  // a multiple of every tile's
    for (const ForwardShape& shape : shapes) widths = std::lcm(widths, (shape.*product).outputs);
    return round_up(rows, widths);
  };
  for (const GraphWeight& weight : graph.weights) {
    const CheckpointTensor& source = graph.checkpoint_tensor(weight.source);
    const std::string part = weight.name.substr(weight.name.rfind('.') + 1);
    if (part == "in_proj") {
      add_tiles(graph, weight.name, sizes.inner_panels, padded(2 * sizes.inner_panels, &ForwardShape::in), plan);
    } else if (part == "x_proj") {
      add_tiles(graph, weight.name, 1, padded(sizes.shared, &ForwardShape::x), plan);
    } else if (part == "dt_proj") {
      add_tiles(graph, weight.name, 1, padded(sizes.inner_panels, &ForwardShape::dt), plan);
    } else if (part == "out_proj") {
      add_tiles(graph, weight.name, 1, padded(sizes.size, &ForwardShape::out), plan);
    } else if (source.matrix) {  // head, embedding
      add_tiles(graph, weight.name, 1, padded(source.shape.front(), &ForwardShape::head), plan);
    } else if (part == "dt_proj_bias") {
      PackedTensor bias = pack_transposed(unpacked(graph, weight, plan.weight_type));
      bias.padded_rows = sizes.inner_panels;
      bias.bytes = bias.padded_rows * bytes_of_element(bias.type);
      add_weight(std::move(bias), plan);
    } else {
      add_weight(pack_transposed(unpacked(graph, weight, plan.weight_type)), plan);
    }
  }
}

TileProgram::TileProgram(const Plan& plan, const ForwardShape& shape, const std::string& name, bool overlapping)
    : plan_(plan),
      mixer_(std::get<Mamba1Mixer>(plan.model.mixer)),
      shape_(shape),
      sizes_(sizes_of(plan, shape)),
      overlapping_(overlapping),
      program_{.name = name, .sequences = plan.deployment.batch, .block_tokens = shape.tokens} {
  add_buffer("residual", "float", residual_stride());
  add_buffer("normed", "float16", sizes_.size_panels);
  add_buffer("projected", "float16", 2 * sizes_.inner_panels);
  add_buffer("x", "float16", sizes_.inner_panels);
  add_buffer("parts", "float", sizes_.shared * shape.x.parts);
  add_buffer("y", "float16", sizes_.inner_panels);
}

Program TileProgram::write() {
  embed();
  for (layer_ = 0; layer_ < plan_.model.layers; ++layer_) add_layer();
  layer_ = -1;
  calls_ = &program_.outputs_all;
  add_outputs(Count::rows, false);
  calls_ = &program_.outputs_last;
  if (program_.name == "forward") add_outputs(Count::sequences, true);
  return std::move(program_);
}

void TileProgram::add_buffer(const std::string& name, const std::string& type, int64_t columns) {
  const int64_t bytes = type == "float16" ? 2 : 4;
  program_.buffers.push_back({.name = name,
                              .rows = sizes_.operand_rows,
                              .row_stride = columns * bytes / int64_t{sizeof(float)},
                              .type = type});
}

Operand TileProgram::buffer(const std::string& name, bool written) const {
  const int64_t floats = program_.buffer(name).row_stride;
  return {Space::workspace, name, 0, floats, floats, false, written};
}

std::string TileProgram::of_layer(const char* name) const { return fmt::format("layers.{}.{}", layer_, name); }

Argument TileProgram::weight(const std::string& name) const {
  if (std::ranges::none_of(plan_.weights, [&](const PackedTensor& one) { return one.name == name; })) {
    return NoOperand{};
  }
  return Operand{Space::weights, name, plan_.weight(name).offset};
}

Argument TileProgram::norm_bias(const std::string& name) const {
  return plan_.model.norm == Norm::layer ? weight(name + "_bias") : Argument(NoOperand{});
}

Operand TileProgram::state(const std::string& name, bool written) const {
  return {Space::state, name, plan_.state_tensor(name).offset, 0, 0, false, written};
}

int64_t TileProgram::residual_stride() const { return round_up(sizes_.size, channel_padding); }

Call& TileProgram::add(const std::string& kernel, const std::string& about, const Launch& launch) {
  calls_->push_back({.kernel = kernel, .about = about, .layer = layer_, .launch = launch});
  calls_->back().launch->overlapping = overlapping_ && kernel != "embed_tiles";  // the first, which does not wait
  return calls_->back();
}

void TileProgram::embed() {
  const PackedTensor& table = plan_.weight("embedding");
  const int64_t threads = std::min<int64_t>(round_up(sizes_.size, warp), 256);
  Call& call =
      add("embed_tiles", "residual = embedding[token]", {.count = Count::rows, .per_block = 1, .threads = threads});
  call.shape = {{"Vocabulary", table.rows},
                {"Size", sizes_.size},
                {"TableRows", table.padded_rows},
                {"OutputStride", residual_stride()},
                {"Threads", threads}};
  call.arguments = {{"table", weight("embedding")},
                    {"tokens", Operand{Space::tokens, "", 0, 1, 1}},
                    {"output", buffer("residual", true)}};
}

void TileProgram::project(const std::string& about, const std::string& name, const Product& product,
                          const std::string& input, Operand output, Count rows) {
  const ProductTiles& cut = product.tiles;
  const int64_t weight_rows = plan_.weight(name).padded_rows;
  const int64_t tiles =
      divide_up(program_.sequences * program_.block_tokens, cut.rows) * (weight_rows / cut.outputs) * cut.parts;
  Call& call = add("project_tiles", about,
                   {.blocks = std::min(tiles, plan_.deployment.blocks),
                    .threads = cut.threads(),
                    .shared_bytes = cut.shared_bytes()});
  call.shape = {{"Inputs", product.inputs},
                {"Outputs", product.outputs},
                {"WeightRows", weight_rows},
                {"InputRows", sizes_.operand_rows},
                {"OutputStride", product.output_stride},
                {"BlockRows", cut.rows},
                {"BlockOutputs", cut.outputs},
                {"Parts", cut.parts},
                {"Stages", cut.stages},
                {"Value", product.value},
                {"Bias", boolean(!product.bias.empty())},
                {"Softplus", boolean(product.softplus)},
                {"Accumulate", boolean(product.accumulate)},
                {"Overlapping", boolean(overlapping_)}};
  call.arguments = {{"weights", weight(name)},
                    {"bias", product.bias.empty() ? Argument(NoOperand{}) : weight(product.bias)},
                    {"input", buffer(input)},
                    {"output", std::move(output)},
                    {"rows", rows}};
}

void TileProgram::project_in() {
  project("[x, z] = in_proj normed", of_layer("in_proj"),
          {sizes_.size_panels, 2 * sizes_.inner_panels, 2 * sizes_.inner_panels, shape_.in, "float16"}, "normed",
          buffer("projected", true), Count::rows);
}

void TileProgram::add_outputs(Count rows, bool last) {
  norm("final_norm", rows, last);
  const std::string head = plan_.model.tied_embedding ? "embedding" : "head";
  project("output = head normed", head, {sizes_.size_panels, plan_.model.outputs(), plan_.model.outputs(), shape_.head},
          "normed", Operand{Space::output, "", 0, plan_.model.outputs(), plan_.model.outputs(), false, true}, rows);
}

}  // namespace mambac
