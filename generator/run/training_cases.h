// Gradients of a case file: what `evaluate --program train` and `compare --program train` answer.
#pragma once

#include <string>
#include <vector>

#include "generator/checkpoint/safetensors.h"
#include "generator/run/cases.h"
#include "generator/run/host.h"

namespace mambac {

// Beside what cases.h reads from a case file, the loss is sum(outputs * d_outputs) + sum(state after * d_state_out):
//   d_outputs                       as outputs
//   d_{golden name}_out.{layer}     as the states; zero if absent
// A case without a batch is the first sequence's; the others of a larger batch contribute nothing.
//
// Answers: outputs and states as run_case, then grad.NAME of every weight, grad.{golden name}_in.{layer}, and
// grad.embedded (T, D) or grad.inputs (T, input_size). The tokens go through train in blocks of at most `block` tokens
// (at most train_tokens), and backwards with the state's gradient carried from block to block.
std::vector<Answer> run_training_case(const SafetensorsFile& file, const Case& given, int64_t block,
                                      const Artifact& artifact, const StateLayout& layout, Session& session);

}  // namespace mambac
