// What all families share: tokens or continuous input become the residual stream, every layer adds its mixer's answer
// to it behind a norm, and the final norm and head read it.
#include "fmt/format.h"
#include "generator/families/families.h"

namespace mambac {
namespace {

// A norm of the residual stream: weights `name`.weight (and .bias for LayerNorm) of the checkpoint.
Operation add_norm(Graph& graph, const ModelConfiguration& model, const std::string& name, const std::string& source,
                   int64_t layer, ActivationSlice output) {
  Operation norm{.kind = model.norm == Norm::rms ? "rms_norm" : "layer_norm",
                 .about = fmt::format("{} = norm(residual)", output.name.empty() ? "output" : output.name),
                 .layer = layer,
                 .weights = {{"weight", name}},
                 .inputs = {{"input", {"residual", 0, model.model_size}}},
                 .outputs = {{"output", std::move(output)}},
                 .numbers = {{"epsilon", model.norm_epsilon}}};
  graph.add_vector(name, source + ".weight", {model.model_size});
  if (model.norm == Norm::layer) {
    graph.add_vector(name + "_bias", source + ".bias", {model.model_size});
    norm.weights.push_back({"bias", name + "_bias"});
  }
  return norm;
}

void add_mixer(Graph& graph, const ModelConfiguration& model, int64_t layer) {
  std::visit(
      [&](const auto& mixer) {
        using Kind = std::decay_t<decltype(mixer)>;
        if constexpr (std::is_same_v<Kind, Mamba1Mixer>) add_mamba1_mixer(graph, model, mixer, layer);
        if constexpr (std::is_same_v<Kind, Mamba2Mixer>) add_mamba2_mixer(graph, model, mixer, layer);
      },
      model.mixer);
}

}  // namespace

Graph make_graph(const ModelConfiguration& model) {
  Graph graph;
  const int64_t size = model.model_size;
  const ActivationSlice residual{"residual", 0, size}, normed{"normed", 0, size};
  graph.activations = {{"residual", size}, {"normed", size}};

  if (model.continuous()) {
    graph.add_matrix("input_proj", "backbone.input_proj.weight", size, model.input_size);
    graph.add_vector("input_proj_bias", "backbone.input_proj.bias", {size});
    graph.operations.push_back({.kind = "project",
                                .about = "residual = input_proj input + bias",
                                .weights = {{"weights", "input_proj"}, {"bias", "input_proj_bias"}},
                                .inputs = {{"input", {"", 0, model.input_size}}},
                                .outputs = {{"output", residual}}});
    graph.cost.matrix_multiply_adds += size * model.input_size;
  } else {
    graph.add_matrix("embedding", "backbone.embeddings.weight", model.vocabulary, size);
    graph.operations.push_back({.kind = "embed",
                                .about = "residual = embedding[token]",
                                .weights = {{"table", "embedding"}},
                                .inputs = {{"tokens", {"", 0, 1}}},
                                .outputs = {{"output", residual}}});
  }

  for (int64_t layer = 0; layer < model.layers; ++layer) {
    graph.operations.push_back(add_norm(graph, model, fmt::format("layers.{}.norm", layer),
                                        fmt::format("backbone.layers.{}.norm", layer), layer, normed));
    add_mixer(graph, model, layer);
  }

  const bool head = !model.continuous() || model.output_size > 0;
  const ActivationSlice output{"", 0, model.outputs()};
  graph.output_operations.push_back(
      add_norm(graph, model, "final_norm", "backbone.norm_f", -1, head ? normed : output));
  if (head) {
    const bool tied = !model.continuous() && model.tied_embedding;
    const std::string name = tied ? "embedding" : "head";
    if (!tied) {
      graph.add_matrix("head", model.continuous() ? "head.weight" : "lm_head.weight", model.outputs(), size);
    }
    graph.output_operations.push_back({.kind = "project",
                                       .about = "output = head normed",
                                       .weights = {{"weights", name}},
                                       .inputs = {{"input", normed}},
                                       .outputs = {{"output", output}}});
    if (model.continuous()) {
      graph.add_vector("head_bias", "head.bias", {model.outputs()});
      graph.output_operations.back().weights.push_back({"bias", "head_bias"});
    }
    graph.cost.head_multiply_adds = model.outputs() * size;
  }
  graph.cost.state_bytes = graph.state_floats * static_cast<int64_t>(sizeof(float));
  return graph;
}

}  // namespace mambac
