// The step of a small model as one launch of the decode_cluster kernel: its weights as a stream, its call.
#pragma once

#include <optional>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cuda_decode_cluster.h"

namespace mambac {

// How decode_cluster is cut for the plan's model and deployment; nothing if it does not serve them: more than one
// sequence, an architecture without clusters, weights of bf16, a model that does not fit.
std::optional<DecodeClusterShape> decode_cluster_shape_of(const Plan& plan);

// Adds the stream that the kernel reads to the plan's weights.
void pack_for_decode_cluster(const Graph& graph, const DecodeClusterShape& shape, Plan& plan);

// The launch for `count` tokens, one after the other.
Call decode_cluster_call(const Graph& graph, const Plan& plan, const DecodeClusterShape& shape, Argument count);

}  // namespace mambac
