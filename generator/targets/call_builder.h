// Operations become calls: template arguments and arguments in the order of the kernel's declaration.
#pragma once

#include <string>
#include <utility>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"

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
  CallBuilder& state(const std::string& role) {
    const std::string name = operation_.state(role);
    return argument(role, Operand{Space::state, name, site_.plan.state_tensor(name).offset, 0, 0, false, true});
  }
  CallBuilder& tokens(const std::string& role) { return argument(role, Operand{Space::tokens, "", 0, 1, 1}); }
  CallBuilder& input(const std::string& role) {
    const ActivationSlice& slice = operation_.input(role);
    // The final norm is the one operation that reads the whole block when only its last row is asked for.
    const bool from_block = slice.name == "residual" && site_.last_row_only;
    return argument(role, Operand{slice.name.empty() ? Space::input : Space::workspace, slice.name, slice.first,
                                  stride(slice), slice.columns, from_block, false});
  }
  CallBuilder& output(const std::string& role) {
    const ActivationSlice& slice = operation_.output(role);
    return argument(role, Operand{slice.name.empty() ? Space::output : Space::workspace, slice.name, slice.first,
                                  stride(slice), slice.columns, false, true});
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

  // Floats between the rows of an activation, or of the user's input or output.
  int64_t stride(const ActivationSlice& slice) const {
    if (slice.name.empty()) return slice.columns;
    return round_up(site_.graph.activation(slice.name).width, channel_padding);
  }
  int64_t input_stride(const std::string& role) const { return stride(operation_.input(role)); }
  int64_t output_stride(const std::string& role) const { return stride(operation_.output(role)); }

 private:
  const CallSite& site_;
  const Operation& operation_;
  Call call_;
};

}  // namespace mambac
