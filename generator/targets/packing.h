// What the targets share in packing weights: plain rows, transposed tensors, and their places in the file.
#pragma once

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"

namespace mambac {

int64_t bytes_of_element(WeightType type);

// A weight of the graph before it is packed: rows, columns, type.
PackedTensor unpacked(const Graph& graph, const GraphWeight& weight, WeightType matrices);

// Rows as in the checkpoint; those of each segment padded, where there are any.
PackedTensor pack_rows(PackedTensor tensor);
PackedTensor pack_transposed(PackedTensor tensor);

// Adds the tensor to the plan's weights, behind the others.
void add_weight(PackedTensor tensor, Plan& plan);

// Whether a matrix is one of `project`: if not, it is an embedding that no head shares.
bool is_projected(const Graph& graph, const std::string& weight);

}  // namespace mambac
