// Mamba-2 (Dao, Gu 2024), as a recurrence:
//
//   [z0, x0, z, x, B, C, dt] = in_proj normed;   [x, B, C] = silu(causal convolution of [x, B, C])
//   delta = clamp(softplus(dt + dt_bias));   h = exp(delta A) h + delta x B, one A for each head;   y = h C + D x
//   mixed = [silu(z0) x0, gated norm of y and z];   residual += out_proj mixed
#include "fmt/format.h"
#include "generator/families/families.h"

namespace mambac {

void add_mamba2_mixer(Graph& graph, const ModelConfiguration& model, const Mamba2Mixer& mixer, int64_t layer) {
  const int64_t model_size = model.model_size, recurrent = mixer.recurrent_size, heads = mixer.heads();
  const int64_t gated = mixer.inner_size - recurrent;  // width of the gated MLP beside the recurrence
  const int64_t shared = mixer.groups * mixer.state_size, convolved = recurrent + 2 * shared;
  const auto named = [&](const char* name) { return fmt::format("layers.{}.{}", layer, name); };
  const auto source = [&](const char* name) { return fmt::format("backbone.layers.{}.mixer.{}", layer, name); };

  // Each part of in_proj begins at a multiple of the channels' padding.
  std::vector<Segment> segments;
  int64_t rows = 0, width = 0;
  const auto add_part = [&](int64_t part_rows) {
    const ActivationSlice slice{"projected", width, part_rows};
    if (part_rows > 0) segments.push_back({rows, part_rows});
    rows += part_rows;
    width += round_up(part_rows, channel_padding);
    return slice;
  };
  const ActivationSlice z0 = add_part(gated), x0 = add_part(gated), z = add_part(recurrent);
  ActivationSlice before_convolution = add_part(convolved);
  before_convolution.columns = round_up(convolved, channel_padding);
  const ActivationSlice dt = add_part(heads);

  graph.add_matrix(named("in_proj"), source("in_proj.weight"), rows, model_size, segments);
  if (mixer.projection_bias) {
    graph.add_vector(named("in_proj_bias"), source("in_proj.bias"), {rows}, Transform::none, segments);
  }
  graph.add_vector(named("convolution"), source("conv1d.weight"), {convolved, 1, mixer.convolution_taps});
  if (mixer.convolution_bias) graph.add_vector(named("convolution_bias"), source("conv1d.bias"), {convolved});
  graph.add_vector(named("dt_bias"), source("dt_bias"), {heads});
  graph.add_vector(named("A"), source("A_log"), {heads}, Transform::negative_exponential);
  graph.add_vector(named("D"), source("D"), {mixer.skip_per_channel ? recurrent : heads});
  if (mixer.gated_norm) graph.add_vector(named("gated_norm"), source("norm.weight"), {recurrent});
  graph.add_matrix(named("out_proj"), source("out_proj.weight"), model_size, mixer.inner_size);
  if (mixer.projection_bias) graph.add_vector(named("out_proj_bias"), source("out_proj.bias"), {model_size});

  graph.add_state(named("window"), "conv_state", layer, {mixer.convolution_taps - 1, convolved}, {1, 0});
  graph.add_state(named("h"), "ssm_state", layer, {heads, mixer.state_size, mixer.head_size}, {0, 2, 1});

  if (layer == 0) {
    graph.activations.push_back({"projected", width});
    graph.activations.push_back({"x_b_c", convolved});
    graph.activations.push_back({"delta", heads});
    graph.activations.push_back({"decay", heads});
    graph.activations.push_back({"y", recurrent});
    graph.activations.push_back({"mixed", mixer.inner_size});
  }
  const ActivationSlice normed{"normed", 0, model_size}, residual{"residual", 0, model_size};
  const ActivationSlice x{"x_b_c", 0, recurrent}, b{"x_b_c", recurrent, shared}, c{"x_b_c", recurrent + shared, shared};
  const ActivationSlice delta{"delta", 0, heads}, decay{"decay", 0, heads}, y{"y", 0, recurrent};
  const ActivationSlice mixed{"mixed", 0, mixer.inner_size};

  auto& operations = graph.operations;
  operations.push_back(
      {.kind = "project",
       .about = gated > 0 ? "[z0, x0, z, x, B, C, dt] = in_proj normed" : "[z, x, B, C, dt] = in_proj normed",
       .layer = layer,
       .weights = {{"weights", named("in_proj")}},
       .inputs = {{"input", normed}},
       .outputs = {{"output", {"projected", 0, width}}}});
  if (mixer.projection_bias) operations.back().weights.push_back({"bias", named("in_proj_bias")});
  operations.push_back({.kind = "convolve",
                        .about = "[x, B, C] = silu(convolution(window, [x, B, C]))",
                        .layer = layer,
                        .weights = {{"taps", named("convolution")}},
                        .states = {{"window", named("window")}},
                        .inputs = {{"input", before_convolution}},
                        .outputs = {{"output", {"x_b_c", 0, before_convolution.columns}}}});
  if (mixer.convolution_bias) operations.back().weights.push_back({"bias", named("convolution_bias")});
  operations.push_back({.kind = "discretize",
                        .about = "delta = clamp(softplus(dt + dt_bias)); decay = exp(delta A)",
                        .layer = layer,
                        .weights = {{"a", named("A")}, {"dt_bias", named("dt_bias")}},
                        .inputs = {{"dt", dt}},
                        .outputs = {{"delta", delta}, {"decay", decay}},
                        .numbers = {{"least", mixer.delta_least}, {"most", mixer.delta_most}}});
  operations.push_back({.kind = "head_scan",
                        .about = "h = decay h + delta x B; y = h C + D x",
                        .layer = layer,
                        .weights = {{"d", named("D")}},
                        .states = {{"h", named("h")}},
                        .inputs = {{"x", x}, {"b", b}, {"c", c}, {"delta", delta}, {"decay", decay}},
                        .outputs = {{"output", y}},
                        .sizes = {{"heads", heads}, {"groups", mixer.groups}}});
  if (mixer.skip_per_channel) operations.back().flags.push_back("skip_per_channel");
  if (gated > 0) {
    operations.push_back({.kind = "gate",
                          .about = "the gated MLP beside the recurrence, before the rest of mixed: silu(z0) x0",
                          .layer = layer,
                          .inputs = {{"input", x0}, {"gate", z0}},
                          .outputs = {{"output", {"mixed", 0, gated}}}});
  }
  const ActivationSlice y_gated{"mixed", gated, recurrent};
  if (mixer.gated_norm) {
    operations.push_back({.kind = "gated_rms_norm",
                          .about = mixer.norm_before_gate ? "mixed = rms_norm(y) silu(z), by groups"
                                                          : "mixed = rms_norm(y silu(z)), by groups",
                          .layer = layer,
                          .weights = {{"weight", named("gated_norm")}},
                          .inputs = {{"input", y}, {"gate", z}},
                          .outputs = {{"output", y_gated}},
                          .sizes = {{"groups", mixer.groups}},
                          .numbers = {{"epsilon", mixer.gated_norm_epsilon}}});
    if (mixer.norm_before_gate) operations.back().flags.push_back("norm_before_gate");
  } else {
    operations.push_back({.kind = "gate",
                          .about = "mixed = y silu(z)",
                          .layer = layer,
                          .inputs = {{"input", y}, {"gate", z}},
                          .outputs = {{"output", y_gated}}});
  }
  operations.push_back({.kind = "project",
                        .about = "residual += out_proj mixed",
                        .layer = layer,
                        .weights = {{"weights", named("out_proj")}},
                        .inputs = {{"input", mixed}},
                        .outputs = {{"output", residual}},
                        .flags = {"accumulate"}});
  if (mixer.projection_bias) operations.back().weights.push_back({"bias", named("out_proj_bias")});

  graph.cost.matrix_multiply_adds += rows * model_size + model_size * mixer.inner_size;
  graph.cost.recurrence_multiply_adds += 2 * recurrent * mixer.state_size + convolved * mixer.convolution_taps;
  graph.cost.exponentials += heads + 3 * mixer.inner_size;
}

}  // namespace mambac
