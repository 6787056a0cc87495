// The operations of training: a forward that keeps what the gradients need on a tape, and, from the last operation to
// the first, the gradients of every weight, of the state before the first token and of the input.
#pragma once

#include <string>
#include <vector>

#include "generator/plan/graph.h"

namespace mambac {

// Names: the gradient of activation "x" is "d_x"; what the tape keeps of layer 2's "xz" is "layers.2.xz". The gradient
// of the user's outputs is "d_outputs"; that of continuous input, "d_input", that of embedded tokens, "d_residual".
struct TrainingGraph {
  std::vector<Activation> activations;  // of both programs
  std::vector<Activation> tape;
  std::vector<Operation> train, backward;
  int64_t checkpoint_tokens = 0;        // a scan's state is kept every so many tokens
  int64_t recomputed_exponentials = 0;  // per token
  int64_t recomputed_multiply_adds = 0;
};

// `small`: the tape keeps what costs more to compute again than to read; `fast`: everything but what the gradients'
// kernels compute again by the way.
enum class TapeSize { small, fast };

// Throws Error (ExitCode::usage) if the model has an operation whose gradient is not built yet.
TrainingGraph differentiate(const Graph& graph, TapeSize size);

}  // namespace mambac
