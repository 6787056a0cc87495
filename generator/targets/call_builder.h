// Operations become calls: template arguments and arguments in the order of the kernel's declaration.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/shape.h"

namespace mambac {

// Where a call stands.
struct CallSite {
  const Graph& graph;
  const Plan& plan;            // weights are packed, state is laid out
  int64_t sequences = 1;       // of one run of the calls
  int64_t block_tokens = 1;    // most tokens of each
  bool last_row_only = false;  // the outputs of the last token alone
};

inline std::string boolean(bool value) { return value ? "true" : "false"; }

// Workspace offsets are relative to each buffer until the workspace is laid out.
class CallBuilder {
 public:
  CallBuilder(const CallSite& site, const Operation& operation, std::string kernel)
      : site_(site), operation_(operation) {
    call_.kernel = std::move(kernel);
    call_.about = operation.about;
    call_.layer = operation.layer;
  }

  CallBuilder& shape(const std::string& name, TemplateArgument value) {
    call_.shape.emplace_back(name, std::move(value));
    return *this;
  }
  CallBuilder& weight_type(const std::string& role) {
    return shape("Weight", site_.plan.weight(operation_.weight(role)).type == WeightType::f32 ? "float" : "bfloat16");
  }
  CallBuilder& parts() { return shape("Parts", site_.plan.deployment.threads); }

  CallBuilder& weight(const std::string& role) {
    const std::string name = operation_.weight(role);
    if (name.empty()) return argument(role, NoOperand{});
    const PackedTensor& tensor = site_.plan.weight(name);
    return argument(role, Operand{Space::weights, name, tensor.offset});
  }
  // A tensor of the state; or, where training works on a copy, the activation that holds it; null if it has no floats.
  CallBuilder& state(const std::string& role) {
    const std::string name = operation_.state(role);
    if (name.empty()) return output_if_any(role);
    return argument(role, Operand{Space::state, name, site_.plan.state_tensor(name).offset, 0, 0, false, true});
  }
  // The gradient of a tensor of the state, of every sequence.
  CallBuilder& state_gradient(const std::string& role) {
    const StateTensor& tensor = site_.plan.state_tensor(operation_.state(role));
    return argument(role, Operand{Space::workspace, "d_state", tensor.offset, site_.plan.state_floats,
                                  floats_of(tensor), false, true});
  }
  // The gradient of `rows` rows of a parameter.
  CallBuilder& gradient(const std::string& role, int64_t rows, int64_t first_row = 0) {
    const std::string name = operation_.gradient(role);
    if (name.empty()) return argument(role + "_gradient", NoOperand{});
    const Parameter& parameter = site_.plan.parameter(name);
    const int64_t columns = element_count(std::span(parameter.shape).subspan(1));
    return argument(role + "_gradient", Operand{Space::gradients, name, parameter.offset + first_row * columns, 0,
                                                rows * columns, false, true});
  }
  CallBuilder& tokens(const std::string& role) { return argument(role, Operand{Space::tokens, "", 0, 1, 1}); }
  CallBuilder& input(const std::string& role) {
    const ActivationSlice& slice = operation_.input(role);
    // The final norm is the one operation that reads the whole block when only its last row is asked for.
    const bool from_block = slice.name == "residual" && site_.last_row_only;
    return argument(role, operand(slice, Space::input, from_block, false));
  }
  CallBuilder& output(const std::string& role) {
    return argument(role, operand(operation_.output(role), Space::output, false, true));
  }
  // Null where the operation has none.
  CallBuilder& input_if_any(const std::string& role) {
    return operation_.has_input(role) ? input(role) : argument(role, NoOperand{});
  }
  CallBuilder& output_if_any(const std::string& role) {
    return operation_.has_output(role) ? output(role) : argument(role, NoOperand{});
  }
  CallBuilder& argument(const std::string& name, Argument value) {
    call_.arguments.emplace_back(name, std::move(value));
    return *this;
  }
  CallBuilder& rows() { return site_.last_row_only ? argument("rows", int64_t{1}) : argument("rows", Count::rows); }
  CallBuilder& sequences_and_tokens() {
    return argument("sequences", Count::sequences).argument("tokens", Count::tokens);
  }
  Call part() { return argument("part", Part{}).call_; }
  Call launched(const Launch& launch) {
    call_.launch = launch;
    return call_;
  }

  // Floats between the rows of an activation, of the tape, or of the user's input or output.
  int64_t stride(const ActivationSlice& slice) const {
    if (slice.name.empty()) return slice.columns;
    if (slice.name == "d_outputs") return site_.plan.model.outputs();
    if (const TapeTensor* kept = on_tape(slice)) return kept->row_stride;
    return round_up(site_.graph.activation(slice.name).width, channel_padding);
  }
  int64_t input_stride(const std::string& role) const { return stride(operation_.input(role)); }
  int64_t output_stride(const std::string& role) const { return stride(operation_.output(role)); }
  // Floats between two sequences' parts of a state.
  int64_t state_stride(const std::string& role) const {
    if (!operation_.state(role).empty()) return site_.plan.state_floats;
    return operation_.has_output(role) ? output_stride(role) : 0;
  }

 private:
  const TapeTensor* on_tape(const ActivationSlice& slice) const {
    if (!site_.plan.training) return nullptr;
    const auto& tape = site_.plan.training->tape;
    const auto found =
        std::find_if(tape.begin(), tape.end(), [&](const TapeTensor& one) { return one.name == slice.name; });
    return found == tape.end() ? nullptr : &*found;
  }

  Operand operand(const ActivationSlice& slice, Space users, bool last_row_only, bool written) const {
    const TapeTensor* kept = on_tape(slice);
    const Space space = slice.name.empty()          ? users
                        : slice.name == "d_outputs" ? Space::d_outputs
                        : kept                      ? Space::tape
                                                    : Space::workspace;
    return {space,         slice.name, slice.first + (kept ? kept->offset : 0), stride(slice), slice.columns,
            last_row_only, written};
  }

  const CallSite& site_;
  const Operation& operation_;
  Call call_;
};

}  // namespace mambac
