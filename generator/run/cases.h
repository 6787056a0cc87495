// The tensors of a case file against an artifact's state, input and output: what `evaluate` and `compare` share.
//
// A case file is safetensors. Without the leading dimension B it is one sequence:
//   input_ids (T) or (B, T), or inputs (T, input_size) or (B, T, input_size)
//   {golden name}_in.{layer}, e.g. conv_state_in.0 (E, K-1), ssm_state_in.0 (E, N): state before the first token
// All of a state's tensors may be absent: then they are zero. Any other tensor of the file is ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "generator/checkpoint/safetensors.h"
#include "generator/plan/plan.h"
#include "generator/run/host.h"

namespace mambac {

// Where a state's tensors lie, as plan.json says.
struct StateLayout {
  std::vector<StateTensor> tensors;
  int64_t sequence_floats = 0;
};
StateLayout read_state_layout(const nlohmann::ordered_json& plan);

// A case that fits an artifact: `artifact.batch` sequences of `count` tokens.
struct Case {
  bool batched = false;         // its tensors have the leading dimension; if not, all sequences are the same one
  int64_t count = 0;            // T
  std::vector<int32_t> tokens;  // (batch, T), or
  std::vector<float> values;    // (batch, T, input_size)
  std::vector<float> state;     // (batch, StateLayout::sequence_floats)
};

// Throws Error (ExitCode::input) that names file and tensor: absent, of the wrong shape or type, for another batch, or
// a token outside the vocabulary.
Case read_case(const SafetensorsFile& file, const mambac_artifact& artifact, const StateLayout& layout);

// What an artifact answers: outputs (B, T, output_size) and {golden name}_out.{layer}, without B if the case has none.
struct Answer {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// One sequence's answer, if the case holds one sequence, else all of them. Throws Error (ExitCode::difference) if the
// case is not batched and a sequence has other bits than the first one.
Answer make_answer(std::string name, std::vector<int64_t> shape, std::vector<float> values, int64_t sequences,
                   bool batched);

// A state's tensors in the shapes of case files. If the case is not batched, it throws Error (ExitCode::difference)
// when a sequence has other bits than the first one.
std::vector<Answer> state_answers(std::span<const float> state, const mambac_artifact& artifact,
                                  const StateLayout& layout, bool batched);

// Runs a case from its state and leaves `session` after its last token. `program`: "step", or "forward" in blocks of
// at most `artifact.forward_tokens`. The first answer is `outputs`.
std::vector<Answer> run_case(const Case& given, const std::string& program, const Artifact& artifact,
                             const StateLayout& layout, Session& session);

// The same of the gradient of a state before the first token: grad.{golden name}_in.{layer}, and of the first sequence
// alone if the case is not batched.
std::vector<Answer> state_gradients(std::span<const float> d_state, const mambac_artifact& artifact,
                                    const StateLayout& layout, bool batched);

// The floats of a state, or of a state's gradient: what follows its header.
std::span<float> floats_of_state(std::span<std::byte> state, const mambac_artifact& artifact,
                                 const StateLayout& layout);

// {stem}_{suffix}.{layer} of every tensor of a state, (sequences, sequence_floats); zero where the file has none.
std::vector<float> read_state(const SafetensorsFile& file, const StateLayout& layout, const std::string& prefix,
                              const std::string& suffix, bool batched, int64_t sequences);

// Runs `count` tokens of every sequence; returns the outputs (batch, count, output_size).
std::vector<float> run_program(const std::string& program, const Artifact& artifact, Session& session,
                               std::span<const int32_t> tokens, std::span<const float> values, int64_t count);

// "(24, 256)"
std::string shape_text(const std::vector<int64_t>& shape);

// The norm of the difference over the norm of `right`: 0 if both are empty or zero, infinite if only `right` is.
double relative_error(std::span<const double> given, std::span<const double> right);

}  // namespace mambac
