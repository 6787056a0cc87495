// The families of models. Each plans its mixer in one file of this folder; what all share (embedding, residual
// stream, norms, head) is in language_model.cpp. docs/add-a-model-family.md says what a new one needs.
#pragma once

#include "generator/configuration/model_configuration.h"
#include "generator/plan/graph.h"

namespace mambac {

// The whole model as operations.
Graph make_graph(const ModelConfiguration& model);

// Each adds the tensors, state and operations of layer `layer`'s mixer, which reads activation "normed" (D) and adds
// its output to "residual" (D), and counts its cost.
void add_mamba1_mixer(Graph& graph, const ModelConfiguration& model, const Mamba1Mixer& mixer, int64_t layer);
void add_mamba2_mixer(Graph& graph, const ModelConfiguration& model, const Mamba2Mixer& mixer, int64_t layer);

}  // namespace mambac
