// Gradients of the recurrences.
#include <fmt/format.h>

#include <algorithm>

#include "generator/plan/differentiation.h"

namespace mambac {
namespace {

// Channels whose part of B's and C's gradients is summed by itself.
constexpr int64_t slice_channels = 128;

}  // namespace

void Differentiation::sum_slices(int64_t layer, const std::string& over, const ActivationSlice& partial,
                                 const ActivationSlice& b_and_c, int64_t slices) {
  emit({.kind = "sum_slices",
        .about = "d B and d C, summed over " + over,
        .layer = layer,
        .inputs = {{"slices", partial}},
        .outputs = {{"output", gradient_of(b_and_c)}},
        .sizes = {{"slices", slices}}});
}

void Differentiation::differentiate_selective_scan(const std::string& group, const Operation& operation) {
  const StateTensor& h = state_tensor(operation.state("h"));
  const ActivationSlice x = operation.input("x"), gate = operation.input("gate"),
                        delta = operation.input("delta_input");
  const ActivationSlice b = operation.input("b"), c = operation.input("c"), output = operation.output("output");
  const int64_t states = h.shape.front(), channels = h.padded_last;
  const int64_t slices = std::max<int64_t>(channels / slice_channels, 1);
  if (c.name != b.name || c.first != b.first + states) fail(ExitCode::internal, "B and C do not lie side by side");
  for (const ActivationSlice& slice : {x, gate, delta, b, c}) only_use(slice, operation);
  const ActivationSlice partial = scratch("slices", slices * 2 * states);
  Operation backward{.kind = "selective_scan_backward",
                     .about = "the gradients of the recurrence, backwards through time",
                     .layer = operation.layer,
                     .weights = operation.weights,
                     .states = {{"d_h", h.name}},
                     .inputs = {{"checkpoints", {kept_name(group, "checkpoints"), 0, states * channels}}},
                     .outputs = {{"output", output},
                                 {"d_delta_input", gradient_of(delta)},
                                 {"d_x", gradient_of(x)},
                                 {"d_gate", gradient_of(gate)},
                                 {"slices", partial}},
                     .sizes = {{"interval", result_.checkpoint_tokens}, {"slices", slices}, {"inner", h.shape.back()}}};
  for (const auto& [role, slice] : operation.inputs) backward.inputs.push_back({role, placed(group, slice)});
  backward.inputs.push_back({"d_output", gradient_of(output)});
  for (const auto& [role, weight] : operation.weights) backward.gradients.push_back({role, source(weight)});
  emit(std::move(backward));
  sum_slices(operation.layer, "the channels", partial, {b.name, b.first, 2 * states}, slices);
  for (Operation& gradient : after_scan_) emit(std::move(gradient));
  after_scan_.clear();
  result_.recomputed_exponentials += h.shape.front() * h.shape.back();
  result_.recomputed_multiply_adds += 2 * h.shape.front() * h.shape.back();
}

void Differentiation::differentiate_discretize(const std::string& group, const Operation& operation) {
  const ActivationSlice dt = operation.input("dt"), d_dt = gradient_of(dt);
  const ActivationSlice terms = scratch("log_a_terms", dt.columns);
  only_use(dt, operation);
  emit({.kind = "discretize_backward",
        .about = "d dt through the clamped softplus; d log(-A) of every row",
        .layer = operation.layer,
        .weights = operation.weights,
        .inputs = {{"dt", placed(group, dt)},
                   {"d_delta", gradient_of(operation.output("delta"))},
                   {"d_decay", gradient_of(operation.output("decay"))}},
        .outputs = {{"d_dt", d_dt}, {terms.name, terms}},
        .numbers = operation.numbers});
  sum_rows(operation.layer, source(operation.weight("dt_bias")), d_dt);
  sum_rows(operation.layer, source(operation.weight("a")), terms);
}

void Differentiation::differentiate_head_scan(const std::string& group, const Operation& operation) {
  const StateTensor& h = state_tensor(operation.state("h"));
  const ActivationSlice b = operation.input("b"), c = operation.input("c");
  const int64_t heads = operation.size("heads"), slices = heads / operation.size("groups");
  if (c.name != b.name || c.first != b.first + b.columns) fail(ExitCode::internal, "B and C do not lie side by side");
  const ActivationSlice b_and_c{b.name, b.first, b.columns + c.columns};
  const ActivationSlice partial = scratch("slices", slices * b_and_c.columns);
  Operation backward{.kind = "head_scan_backward",
                     .about = "the gradients of the recurrence, chunk after chunk backwards through time",
                     .layer = operation.layer,
                     .weights = operation.weights,
                     .states = {{"d_h", h.name}},
                     .inputs = {{"checkpoints", {kept_name(group, "checkpoints"), 0, floats_of(h)}}},
                     .outputs = {{"slices", partial}},
                     .sizes = operation.sizes,
                     .flags = operation.flags};
  backward.sizes.push_back({"interval", result_.checkpoint_tokens});
  for (const auto& [role, slice] : operation.inputs) {
    only_use(slice, operation);
    backward.inputs.push_back({role, placed(group, slice)});
    if (role != "b" && role != "c") backward.outputs.push_back({"d_" + role, gradient_of(slice)});
  }
  backward.inputs.push_back({"d_output", gradient_of(operation.output("output"))});
  for (const auto& [role, weight] : operation.weights) backward.gradients.push_back({role, source(weight)});
  emit(std::move(backward));
  sum_slices(operation.layer, "the heads of a group", partial, b_and_c, slices);
  result_.recomputed_multiply_adds += chunk_tokens * heads * h.shape[1];
}

}  // namespace mambac
