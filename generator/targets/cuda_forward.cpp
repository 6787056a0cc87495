#include "generator/targets/cuda_forward.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/error.h"
#include "generator/targets/call_builder.h"
#include "generator/targets/packing.h"

namespace mambac {
namespace {

constexpr int64_t panel = 64;          // columns of an operand's panel
constexpr int64_t operand_rows = 128;  // rows of activations are padded to the tallest tile
constexpr int64_t warp = 32;

// The sizes of a model in tiles.
struct Sizes {
  int64_t size, inner, states, rank, taps, shared;  // shared: dt, B and C
  int64_t channels;                                 // of state, taps, A
  int64_t size_panels, inner_panels, rank_panels;   // columns in panels
  int64_t operand_rows;                             // of activations
};

Sizes sizes_of(const Plan& plan, const ForwardShape& shape) {
  const auto& mixer = std::get<Mamba1Mixer>(plan.model.mixer);
  Sizes sizes{};
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
  if (tensor.segments.empty()) tensor.segments = {{0, tensor.rows}};
  tensor.segment_rows = segment_rows;
  tensor.padded_rows = rows;
  tensor.bytes = rows * round_up(tensor.columns, panel) * bytes_of_element(tensor.type);
  add_weight(std::move(tensor), plan);
}

// Writes the calls of one program.
class TileProgram {
 public:
  TileProgram(const Graph& graph, const Plan& plan, const ForwardShape& shape, const std::string& name)
      : graph_(graph), plan_(plan), shape_(shape), sizes_(sizes_of(plan, shape)) {
    program_ = {.name = name, .sequences = plan.deployment.batch, .block_tokens = shape.tokens};
    const Sizes& s = sizes_;
    add_buffer("residual", "float", round_up(s.size, channel_padding), s.operand_rows);
    add_buffer("normed", "bfloat16", s.size_panels, s.operand_rows);
    add_buffer("projected", "float16", 2 * s.inner_panels, s.operand_rows);
    add_buffer("x", "bfloat16", s.inner_panels, s.operand_rows);
    add_buffer("parts", "float", s.shared * shape.x.parts, s.operand_rows);
    add_buffer("dt", "bfloat16", s.rank_panels, s.operand_rows);
    add_buffer("bc", "unsigned", s.states, s.operand_rows);
    add_buffer("delta", "float16", s.inner_panels, s.operand_rows);
    add_buffer("y", "bfloat16", s.inner_panels, s.operand_rows);
    add_buffer("sums", "float", residual_stride() * shape.out.parts, s.operand_rows);
  }

  Program write() {
    embed();
    for (layer_ = 0; layer_ < plan_.model.layers; ++layer_) add_layer();
    layer_ = -1;
    calls_ = &program_.outputs_all;
    add_outputs(Count::rows, false);
    calls_ = &program_.outputs_last;
    if (!is_step()) add_outputs(Count::sequences, true);
    return std::move(program_);
  }

 private:
  bool is_step() const { return program_.name == "step"; }
  void add_buffer(const std::string& name, const std::string& type, int64_t columns, int64_t rows) {
    const int64_t bytes = type.ends_with("float16") ? 2 : 4;
    program_.buffers.push_back(
        {.name = name, .rows = rows, .row_stride = columns * bytes / int64_t{sizeof(float)}, .type = type});
  }
  Operand buffer(const std::string& name, bool written = false) const {
    const int64_t floats = program_.buffer(name).row_stride;
    return {Space::workspace, name, 0, floats, floats, false, written};
  }
  std::string of_layer(const char* name) const { return fmt::format("layers.{}.{}", layer_, name); }
  Argument weight(const std::string& name) const {
    if (std::ranges::none_of(plan_.weights, [&](const PackedTensor& one) { return one.name == name; })) {
      return NoOperand{};
    }
    return Operand{Space::weights, name, plan_.weight(name).offset};
  }
  Operand state(const std::string& name, bool written) const {
    return {Space::state, name, plan_.state_tensor(name).offset, 0, 0, false, written};
  }
  int64_t residual_stride() const { return round_up(sizes_.size, channel_padding); }

  Call& add(const std::string& kernel, const std::string& about, const Launch& launch) {
    calls_->push_back({.kernel = kernel, .about = about, .layer = layer_, .launch = launch});
    return calls_->back();
  }

  void embed() {
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

  // Where out_proj's product comes in parts, the next norm adds them to the residual.
  bool has_parts() const { return shape_.out.parts > 1; }

  void norm(const std::string& name, Count rows, bool last) {
    is_step() ? norm_row(name) : norm_rows(name, rows, last);
  }

  Argument norm_bias(const std::string& name) const {
    return plan_.model.norm == Norm::layer ? weight(name + "_bias") : Argument(NoOperand{});
  }

  void norm_rows(const std::string& name, Count rows, bool last) {
    constexpr int64_t warps = 4;
    Call& call =
        add("norm_tiles", "normed = norm(residual)", {.count = rows, .per_block = warps, .threads = warps * warp});
    Operand residual = buffer("residual");
    residual.last_row_only = last;
    call.shape = {{"Size", sizes_.size},
                  {"InputStride", residual_stride()},
                  {"OutputRows", sizes_.operand_rows},
                  {"Mean", boolean(plan_.model.norm == Norm::layer)},
                  {"Warps", warps}};
    call.arguments = {{"weight", weight(name)},
                      {"bias", norm_bias(name)},
                      {"input", residual},
                      {"rows_apart", last ? Argument(Count::tokens) : Argument(int64_t{1})},
                      {"epsilon", plan_.model.norm_epsilon},
                      {"output", buffer("normed", true)},
                      {"rows", rows}};
  }

  void norm_row(const std::string& name) {
    const int64_t threads = round_up(sizes_.size_panels / 8, warp);
    const bool adds = has_parts() && layer_ != 0;
    Call& call =
        add("norm_row_tiles", adds ? "residual += out_proj y; normed = norm(residual)" : "normed = norm(residual)",
            {.count = Count::rows, .per_block = 1, .threads = threads});
    call.shape = {{"Size", sizes_.size},
                  {"Stride", residual_stride()},
                  {"OutputRows", sizes_.operand_rows},
                  {"Parts", adds ? shape_.out.parts : 0},
                  {"Mean", boolean(plan_.model.norm == Norm::layer)},
                  {"Threads", threads}};
    call.arguments = {{"weight", weight(name)},
                      {"bias", norm_bias(name)},
                      {"parts", adds ? Argument(buffer("sums")) : Argument(NoOperand{})},
                      {"residual", buffer("residual", adds)},
                      {"epsilon", plan_.model.norm_epsilon},
                      {"output", buffer("normed", true)}};
  }

  // What a product is beside its weights and operands.
  struct Product {
    int64_t inputs, outputs, output_stride;
    ProductTiles tiles;
    std::string value = "float";
    std::string bias = {};
    bool softplus = false, accumulate = false;
  };
  void project(const std::string& about, const std::string& name, const Product& product, const std::string& input,
               Operand output, Count rows) {
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
                  {"Accumulate", boolean(product.accumulate)}};
    call.arguments = {{"weights", weight(name)},
                      {"bias", product.bias.empty() ? Argument(NoOperand{}) : weight(product.bias)},
                      {"input", buffer(input)},
                      {"output", std::move(output)},
                      {"rows", rows}};
  }

  void convolve() {
    constexpr int64_t threads = 64;
    const int64_t tokens = std::min<int64_t>(8, shape_.tokens);
    Call& call = add("convolve_tiles", "x = silu(convolution(window, x))",
                     {.blocks = divide_up(sizes_.inner_panels / 8, threads),
                      .count = Count::tokens,
                      .per_block = tokens,
                      .threads = threads});
    const bool bias = std::get<Mamba1Mixer>(plan_.model.mixer).convolution_bias;
    call.shape = {{"Channels", sizes_.channels},
                  {"PaddedChannels", sizes_.inner_panels},
                  {"Taps", sizes_.taps},
                  {"InputStride", 2 * sizes_.inner_panels},
                  {"OutputRows", sizes_.operand_rows},
                  {"StateStride", plan_.state_floats},
                  {"Bias", boolean(bias)},
                  {"BlockTokens", tokens},
                  {"Threads", threads}};
    call.arguments = {{"taps", weight(of_layer("convolution"))},
                      {"bias", bias ? weight(of_layer("convolution_bias")) : Argument(NoOperand{})},
                      {"window", state(of_layer("window"), false)},
                      {"input", buffer("projected")},
                      {"output", buffer("x", true)},
                      {"tokens", Count::tokens}};
  }

  void sum_parts() {
    constexpr int64_t warps = 4;
    const auto& epsilon = std::get<Mamba1Mixer>(plan_.model.mixer).delta_b_c_norm_epsilon;
    Call& call = add("sum_parts", epsilon ? "dt, B, C = rms_norm of each, without weights" : "dt, B, C",
                     {.count = Count::rows, .per_block = warps, .threads = warps * warp});
    call.shape = {{"Parts", shape_.x.parts}, {"Rows", sizes_.operand_rows}, {"PartStride", sizes_.shared},
                  {"Rank", sizes_.rank},     {"States", sizes_.states},     {"Norm", boolean(epsilon.has_value())},
                  {"Warps", warps}};
    call.arguments = {{"parts", buffer("parts")},
                      {"epsilon", epsilon.value_or(0)},
                      {"dt", buffer("dt", true)},
                      {"bc", buffer("bc", true)},
                      {"rows", Count::rows}};
  }

  void scan() {
    Call& call = add("scan_tiles", "h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)",
                     {.blocks = sizes_.inner_panels / shape_.block_channels,
                      .count = Count::sequences,
                      .per_block = 1,
                      .threads = shape_.scan_threads(),
                      .shared_bytes = shape_.scan_shared_bytes(sizes_.states)});
    call.shape = {{"Channels", sizes_.channels},
                  {"PaddedChannels", sizes_.inner_panels},
                  {"States", sizes_.states},
                  {"Taps", sizes_.taps},
                  {"Rows", sizes_.operand_rows},
                  {"ProjectedStride", 2 * sizes_.inner_panels},
                  {"StateStride", plan_.state_floats},
                  {"Lanes", shape_.lanes},
                  {"BlockChannels", shape_.block_channels},
                  {"BlockTokens", shape_.block_tokens},
                  {"Slots", shape_.slots}};
    call.arguments = scan_arguments();
    call.arguments.emplace_back("tokens", Count::tokens);
  }

  void scan_token() {
    constexpr int64_t threads = 64, channels = 2 * threads;
    Call& call = add("scan_token_tiles", "h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)",
                     {.blocks = divide_up(sizes_.inner_panels, channels),
                      .count = Count::sequences,
                      .per_block = 1,
                      .threads = threads});
    call.shape = {{"Channels", sizes_.channels},       {"PaddedChannels", sizes_.inner_panels},
                  {"States", sizes_.states},           {"Taps", sizes_.taps},
                  {"Rows", sizes_.operand_rows},       {"ProjectedStride", 2 * sizes_.inner_panels},
                  {"StateStride", plan_.state_floats}, {"Threads", threads}};
    call.arguments = scan_arguments();
  }

  std::vector<std::pair<std::string, Argument>> scan_arguments() const {
    return {{"a", weight(of_layer("A"))},       {"d", weight(of_layer("D"))},
            {"h", state(of_layer("h"), true)},  {"window", state(of_layer("window"), true)},
            {"delta", buffer("delta")},         {"x", buffer("x")},
            {"projected", buffer("projected")}, {"bc", buffer("bc")},
            {"output", buffer("y", true)}};
  }

  void add_layer() {
    const Sizes& s = sizes_;
    norm(of_layer("norm"), Count::rows, false);
    project("[x, z] = in_proj normed", of_layer("in_proj"),
            {s.size_panels, 2 * s.inner_panels, 2 * s.inner_panels, shape_.in, "float16"}, "normed",
            buffer("projected", true), Count::rows);
    convolve();
    project("[dt, B, C] = x_proj x, in parts", of_layer("x_proj"), {s.inner_panels, s.shared, s.shared, shape_.x}, "x",
            buffer("parts", true), Count::rows);
    sum_parts();
    project("delta = softplus(dt_proj dt + bias)", of_layer("dt_proj"),
            {s.rank_panels, s.inner_panels, s.inner_panels, shape_.dt, "float16", of_layer("dt_proj_bias"), true}, "dt",
            buffer("delta", true), Count::rows);
    is_step() ? scan_token() : scan();
    project(has_parts() ? "out_proj y, in parts" : "residual += out_proj y", of_layer("out_proj"),
            {s.inner_panels, s.size, residual_stride(), shape_.out, "float", "", false, !has_parts()}, "y",
            buffer(has_parts() ? "sums" : "residual", true), Count::rows);
  }

  void add_outputs(Count rows, bool last) {
    norm("final_norm", rows, last);
    const std::string head = plan_.model.tied_embedding ? "embedding" : "head";
    project("output = head normed", head,
            {sizes_.size_panels, plan_.model.outputs(), plan_.model.outputs(), shape_.head}, "normed",
            Operand{Space::output, "", 0, plan_.model.outputs(), plan_.model.outputs(), false, true}, rows);
  }

  const Graph& graph_;
  const Plan& plan_;
  ForwardShape shape_;
  Sizes sizes_;
  Program program_;
  std::vector<Call>* calls_ = &program_.calls;
  int64_t layer_ = -1;
};

}  // namespace

std::optional<ForwardShape> forward_shape_of(const Plan& plan, int64_t tokens_of_sequence) {
  const auto& mixer = std::get<Mamba1Mixer>(plan.model.mixer);
  const bool bf16 = plan.weight_type == WeightType::bf16, tokens = !plan.model.continuous();
  if (!bf16 || !tokens || mixer.projection_bias || plan.deployment.arch != "sm_90a") return std::nullopt;
  return forward_shape(plan.model, mixer, plan.deployment.batch, tokens_of_sequence, plan.deployment.blocks);
}

void pack_in_tiles(const Graph& graph, const std::vector<ForwardShape>& shapes, Plan& plan) {
  const Sizes sizes = sizes_of(plan, shapes.front());
  const auto padded = [&](int64_t rows, ProductTiles ForwardShape::* product) {
    int64_t widest = 0;  // a multiple of the others
    for (const ForwardShape& shape : shapes) widest = std::max(widest, (shape.*product).outputs);
    return round_up(rows, widest);
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

Program plan_in_tiles(const Graph& graph, const Plan& plan, const ForwardShape& shape, const std::string& name) {
  return TileProgram(graph, plan, shape, name).write();
}

}  // namespace mambac
