// The step of one sequence as one launch of the decode kernel: its weights as streams, its call.
#pragma once

#include <optional>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cuda_decode.h"

namespace mambac {

// How decode is cut for the plan's model and deployment; nothing if it does not serve them: more than one sequence, an
// architecture without its copies, a model that fits no cut.
std::optional<DecodeShape> decode_shape_of(const Plan& plan);

// Adds the streams that the kernel reads to the plan's weights.
void pack_for_decode(const Graph& graph, const DecodeShape& shape, Plan& plan);

// What programs give the kernel to read and to write.
struct DecodeArguments {
  Argument tokens, input;  // one of them is none
  Argument output;
  Argument count;
  Argument stopped = NoOperand{};  // where a number other than 0 says that nothing is to be done
};
// `count` of a program's own tokens or inputs, one after the other.
DecodeArguments decode_arguments(const ModelConfiguration& model, Argument count);

Call decode_call(const Graph& graph, const Plan& plan, const DecodeShape& shape, const DecodeArguments& arguments);

// What the launches of every program share and leave for the next one; at the start of the workspace.
WorkspaceBuffer decode_exchange(const DecodeShape& shape);

}  // namespace mambac
