// Mamba (Gu, Dao 2023) and FalconMamba, which differs by norms without weights on delta, B and C.
//
//   [x, z] = in_proj normed;   x = silu(causal convolution of x);   [dt, B, C] = x_proj x
//   delta = softplus(dt_proj dt + bias);   h = exp(delta A) h + delta x B;   y = (h C + D x) silu(z)
//   residual += out_proj y
#include "fmt/format.h"
#include "generator/families/families.h"

namespace mambac {

void add_mamba1_mixer(Graph& graph, const ModelConfiguration& model, const Mamba1Mixer& mixer, int64_t layer) {
  const int64_t model_size = model.model_size, inner = mixer.inner_size, states = mixer.state_size;
  const int64_t taps = mixer.convolution_taps, rank = mixer.delta_rank;
  const int64_t channels = round_up(inner, channel_padding);
  const auto named = [&](const char* name) { return fmt::format("layers.{}.{}", layer, name); };
  const auto source = [&](const char* name) { return fmt::format("backbone.layers.{}.mixer.{}", layer, name); };
  const std::vector<Segment> one_segment = {{0, inner}};
  const std::vector<Segment> x_and_z = {{0, inner}, {inner, inner}};

  graph.add_matrix(named("in_proj"), source("in_proj.weight"), 2 * inner, model_size, x_and_z);
  if (mixer.projection_bias) {
    graph.add_vector(named("in_proj_bias"), source("in_proj.bias"), {2 * inner}, Transform::none, x_and_z);
  }
  graph.add_vector(named("convolution"), source("conv1d.weight"), {inner, 1, taps});
  if (mixer.convolution_bias) graph.add_vector(named("convolution_bias"), source("conv1d.bias"), {inner});
  graph.add_matrix(named("x_proj"), source("x_proj.weight"), rank + 2 * states, inner);
  graph.add_matrix(named("dt_proj"), source("dt_proj.weight"), inner, rank, one_segment);
  graph.add_vector(named("dt_proj_bias"), source("dt_proj.bias"), {inner});
  graph.add_vector(named("A"), source("A_log"), {inner, states}, Transform::negative_exponential);
  graph.add_vector(named("D"), source("D"), {inner});
  graph.add_matrix(named("out_proj"), source("out_proj.weight"), model_size, inner);
  if (mixer.projection_bias) graph.add_vector(named("out_proj_bias"), source("out_proj.bias"), {model_size});

  graph.add_state(named("window"), "conv_state", layer, {taps - 1, inner}, {1, 0});
  graph.add_state(named("h"), "ssm_state", layer, {states, inner}, {1, 0});

  if (layer == 0) {
    graph.activations.push_back({"xz", 2 * channels});
    graph.activations.push_back({"x", channels});
    graph.activations.push_back({"dt_b_c", rank + 2 * states});
    if (mixer.delta_b_c_norm_epsilon) graph.activations.push_back({"dt_b_c_normed", rank + 2 * states});
    graph.activations.push_back({"delta", channels});
    graph.activations.push_back({"y", channels});
  }
  const ActivationSlice normed{"normed", 0, model_size}, residual{"residual", 0, model_size};
  const ActivationSlice x_before{"xz", 0, channels}, z{"xz", channels, channels}, x{"x", 0, channels};
  const ActivationSlice x_used{"x", 0, inner}, dt_b_c{"dt_b_c", 0, rank + 2 * states};
  const std::string used = mixer.delta_b_c_norm_epsilon ? "dt_b_c_normed" : "dt_b_c";
  const ActivationSlice dt{used, 0, rank}, b{used, rank, states}, c{used, rank + states, states};
  const ActivationSlice delta{"delta", 0, channels}, y{"y", 0, channels}, y_used{"y", 0, inner};

  auto& operations = graph.operations;
  operations.push_back({.kind = "project",
                        .about = "[x, z] = in_proj normed",
                        .layer = layer,
                        .weights = {{"weights", named("in_proj")}},
                        .inputs = {{"input", normed}},
                        .outputs = {{"output", {"xz", 0, 2 * channels}}}});
  if (mixer.projection_bias) operations.back().weights.push_back({"bias", named("in_proj_bias")});
  operations.push_back({.kind = "convolve",
                        .about = "x = silu(convolution(window, x))",
                        .layer = layer,
                        .weights = {{"taps", named("convolution")}},
                        .states = {{"window", named("window")}},
                        .inputs = {{"input", x_before}},
                        .outputs = {{"output", x}}});
  if (mixer.convolution_bias) operations.back().weights.push_back({"bias", named("convolution_bias")});
  operations.push_back({.kind = "project",
                        .about = "[dt, B, C] = x_proj x",
                        .layer = layer,
                        .weights = {{"weights", named("x_proj")}},
                        .inputs = {{"input", x_used}},
                        .outputs = {{"output", dt_b_c}}});
  if (mixer.delta_b_c_norm_epsilon) {
    const std::pair<const char*, const ActivationSlice*> normalized[] = {{"dt", &dt}, {"B", &b}, {"C", &c}};
    for (const auto& [name, slice] : normalized) {
      operations.push_back({.kind = "rms_norm",
                            .about = fmt::format("{0} = rms_norm({0}), without weights", name),
                            .layer = layer,
                            .inputs = {{"input", {"dt_b_c", slice->first, slice->columns}}},
                            .outputs = {{"output", *slice}},
                            .numbers = {{"epsilon", *mixer.delta_b_c_norm_epsilon}}});
    }
  }
  operations.push_back({.kind = "project",
                        .about = "delta before softplus = dt_proj dt + bias",
                        .layer = layer,
                        .weights = {{"weights", named("dt_proj")}, {"bias", named("dt_proj_bias")}},
                        .inputs = {{"input", dt}},
                        .outputs = {{"output", delta}}});
  operations.push_back({.kind = "selective_scan",
                        .about = "h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)",
                        .layer = layer,
                        .weights = {{"a", named("A")}, {"d", named("D")}},
                        .states = {{"h", named("h")}},
                        .inputs = {{"delta_input", delta}, {"x", x}, {"gate", z}, {"b", b}, {"c", c}},
                        .outputs = {{"output", y}}});
  operations.push_back({.kind = "project",
                        .about = "residual += out_proj y",
                        .layer = layer,
                        .weights = {{"weights", named("out_proj")}},
                        .inputs = {{"input", y_used}},
                        .outputs = {{"output", residual}},
                        .flags = {"accumulate"}});
  if (mixer.projection_bias) operations.back().weights.push_back({"bias", named("out_proj_bias")});

  graph.cost.matrix_multiply_adds +=
      2 * inner * model_size + (rank + 2 * states) * inner + inner * rank + model_size * inner;
  graph.cost.recurrence_multiply_adds += 2 * inner * states + inner * taps;
  graph.cost.exponentials += inner * states + 4 * inner;
}

}  // namespace mambac
