#include "generator/targets/cuda_forward.h"

#include <algorithm>

#include "generator/targets/call_builder.h"

namespace mambac {
namespace {

constexpr int64_t warp = 32;

class ForwardProgram : public TileProgram {
 public:
  ForwardProgram(const Plan& plan, const ForwardShape& shape) : TileProgram(plan, shape, "forward", false) {
    add_buffer("dt", "float16", sizes_.rank_panels);
    add_buffer("bc", "unsigned", sizes_.states);
    add_buffer("delta", "float16", sizes_.inner_panels);
  }

 private:
  void norm(const std::string& name, Count rows, bool last) override {
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

  void convolve() {
    constexpr int64_t threads = 64;
    const int64_t tokens = std::min<int64_t>(8, shape_.tokens);
    Call& call = add("convolve_tiles", "x = silu(convolution(window, x))",
                     {.blocks = divide_up(sizes_.inner_panels / 8, threads),
                      .count = Count::tokens,
                      .per_block = tokens,
                      .threads = threads});
    const bool bias = mixer_.convolution_bias;
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
    const auto& epsilon = mixer_.delta_b_c_norm_epsilon;
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
    call.arguments = {{"a", weight(of_layer("A"))},       {"d", weight(of_layer("D"))},
                      {"h", state(of_layer("h"), true)},  {"window", state(of_layer("window"), true)},
                      {"delta", buffer("delta")},         {"x", buffer("x")},
                      {"projected", buffer("projected")}, {"bc", buffer("bc")},
                      {"output", buffer("y", true)},      {"tokens", Count::tokens}};
  }

  void add_layer() override {
    const TileSizes& s = sizes_;
    norm(of_layer("norm"), Count::rows, false);
    project_in();
    convolve();
    project("[dt, B, C] = x_proj x, in parts", of_layer("x_proj"), {s.inner_panels, s.shared, s.shared, shape_.x}, "x",
            buffer("parts", true), Count::rows);
    sum_parts();
    project("delta = softplus(dt_proj dt + bias)", of_layer("dt_proj"),
            {s.rank_panels, s.inner_panels, s.inner_panels, shape_.dt, "float16", of_layer("dt_proj_bias"), true}, "dt",
            buffer("delta", true), Count::rows);
    scan();
    project("residual += out_proj y", of_layer("out_proj"),
            {s.inner_panels, s.size, residual_stride(), shape_.out, "float", "", false, true}, "y",
            buffer("residual", true), Count::rows);
  }
};

}  // namespace

Program plan_forward(const Plan& plan, const ForwardShape& shape) { return ForwardProgram(plan, shape).write(); }

}  // namespace mambac
