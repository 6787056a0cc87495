#include "generator/targets/cuda_step_of_many.h"

#include <algorithm>

#include "generator/targets/call_builder.h"

namespace mambac {
namespace {

constexpr int64_t warp = 32;

class StepProgram : public TileProgram {
 public:
  StepProgram(const Plan& plan, const ForwardShape& shape) : TileProgram(plan, shape, "step", true) {
    add_buffer("sums", "float", residual_stride() * shape.out.parts);
  }

 private:
  // Where out_proj's product comes in parts, the next norm adds them to the residual.
  bool has_parts() const { return shape_.out.parts > 1; }

  void norm(const std::string& name, Count, bool) override {
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

  void convolve_token() {
    Call& call = add("convolve_token_tiles", "x = silu(convolution(window, x)); [dt, B, C] = x_proj x, in parts",
                     {.blocks = shape_.x.parts * shape_.convolve_cluster,
                      .count = Count::rows,
                      .per_block = token_rows,
                      .threads = 256,
                      .shared_bytes = shape_.convolve_token_shared_bytes(sizes_.shared),
                      .cluster_blocks = shape_.convolve_cluster});
    const bool bias = mixer_.convolution_bias;
    call.shape = {{"Channels", sizes_.channels},
                  {"PaddedChannels", sizes_.inner_panels},
                  {"Taps", sizes_.taps},
                  {"InputStride", 2 * sizes_.inner_panels},
                  {"Rows", sizes_.operand_rows},
                  {"StateStride", plan_.state_floats},
                  {"Outputs", sizes_.shared},
                  {"WeightRows", plan_.weight(of_layer("x_proj")).padded_rows},
                  {"Bias", boolean(bias)},
                  {"BlockRows", token_rows},
                  {"Cluster", shape_.convolve_cluster}};
    call.arguments = {{"taps", weight(of_layer("convolution"))},
                      {"bias", bias ? weight(of_layer("convolution_bias")) : Argument(NoOperand{})},
                      {"weights", weight(of_layer("x_proj"))},
                      {"window", state(of_layer("window"), true)},
                      {"input", buffer("projected")},
                      {"x", buffer("x", true)},
                      {"parts", buffer("parts", true)},
                      {"rows", Count::rows}};
  }

  void scan_token() {
    constexpr int64_t channels = 128, sequences = 8;  // of a block
    const auto& epsilon = mixer_.delta_b_c_norm_epsilon;
    Call& call = add("scan_token_tiles",
                     std::string(epsilon ? "dt, B, C = rms_norm of each, without weights; " : "") +
                         "delta = softplus(dt_proj dt + bias); h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)",
                     {.blocks = divide_up(sizes_.inner_panels, channels),
                      .count = Count::rows,
                      .per_block = sequences,
                      .threads = 256,
                      .shared_bytes = shape_.scan_token_shared_bytes(sizes_.rank_panels, sizes_.states)});
    call.shape = {{"Channels", sizes_.channels},
                  {"PaddedChannels", sizes_.inner_panels},
                  {"States", sizes_.states},
                  {"Rows", sizes_.operand_rows},
                  {"ProjectedStride", 2 * sizes_.inner_panels},
                  {"StateStride", plan_.state_floats},
                  {"Parts", shape_.x.parts},
                  {"Rank", sizes_.rank},
                  {"WeightRows", plan_.weight(of_layer("dt_proj")).padded_rows},
                  {"Norm", boolean(epsilon.has_value())}};
    call.arguments = {{"a", weight(of_layer("A"))},
                      {"d", weight(of_layer("D"))},
                      {"dt_proj", weight(of_layer("dt_proj"))},
                      {"bias", weight(of_layer("dt_proj_bias"))},
                      {"h", state(of_layer("h"), true)},
                      {"parts", buffer("parts")},
                      {"x", buffer("x")},
                      {"projected", buffer("projected")},
                      {"epsilon", epsilon.value_or(0)},
                      {"output", buffer("y", true)},
                      {"rows", Count::rows}};
  }

  void add_layer() override {
    norm(of_layer("norm"), Count::rows, false);
    project_in();
    convolve_token();
    scan_token();
    project(has_parts() ? "out_proj y, in parts" : "residual += out_proj y", of_layer("out_proj"),
            {sizes_.inner_panels, sizes_.size, residual_stride(), shape_.out, "float", "", false, !has_parts()}, "y",
            buffer(has_parts() ? "sums" : "residual", true), Count::rows);
  }
};

}  // namespace

Program plan_step_of_many(const Plan& plan, const ForwardShape& shape) { return StepProgram(plan, shape).write(); }

}  // namespace mambac
