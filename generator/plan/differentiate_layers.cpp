// Gradients of products, norms, convolutions and gates.
#include <fmt/format.h>

#include <algorithm>

#include "generator/plan/differentiation.h"

namespace mambac {

void Differentiation::sum_rows(int64_t layer, const std::string& parameter, const ActivationSlice& terms,
                               int64_t first_row) {
  emit({.kind = "sum_rows",
        .about = fmt::format("d {} += {}", parameter, terms.name),
        .layer = layer,
        .inputs = {{"terms", terms}},
        .sizes = {{"first_row", first_row}},
        .gradients = {{"parameter", parameter}}});
}

void Differentiation::differentiate_project(const std::string& group, const Operation& operation) {
  const ActivationSlice input = operation.input("input"), d_output = gradient_of(operation.output("output"));
  const std::string weights = operation.weight("weights"), bias = operation.weight("bias");
  const std::string name = source(weights);
  std::vector<Operation> gradients;
  int64_t column = 0;
  const GraphWeight& weight = graph_.weight(weights);
  std::vector<Segment> segments = weight.segments;
  if (segments.empty()) segments = {{0, d_output.columns}};
  for (const Segment& segment : segments) {
    const ActivationSlice d_rows{d_output.name, d_output.first + column, segment.rows};
    gradients.push_back({.kind = "project_gradient",
                         .about = fmt::format("d {} += d {} {}", name, operation.output("output").name, input.name),
                         .layer = operation.layer,
                         .inputs = {{"input", placed(group, input)}, {"d_output", d_rows}},
                         .sizes = {{"first_row", segment.first_row}},
                         .gradients = {{"weights", name}}});
    if (!bias.empty()) {
      sum_rows(operation.layer, source(bias), d_rows, segment.first_row);
    }
    column += round_up(segment.rows, channel_padding);
  }
  const bool from_user = input.name.empty();
  const ActivationSlice d_input = from_user ? scratch("d_input", input.columns) : gradient_of(input);
  Operation backward{
      .kind = "project_backward",
      .about = fmt::format("d {} = {}^T d {}", from_user ? "input" : input.name, name, operation.output("output").name),
      .layer = operation.layer,
      .weights = {{"weights", weights}},
      .inputs = {{"d_output", d_output}},
      .outputs = {{"d_input", d_input}}};
  if (!from_user && contributes_again(input)) backward.flags = {"accumulate"};
  emit(std::move(backward));
  // The scan's output is computed again by the scan's gradient alone, which comes later.
  std::vector<Operation>& to = is_scanned(group, input) ? after_scan_ : result_.backward;
  std::move(gradients.begin(), gradients.end(), std::back_inserter(to));
}

bool Differentiation::is_scanned(const std::string& group, const ActivationSlice& slice) const {
  const auto found = std::find_if(groups_.begin(), groups_.end(), [&](const Group& one) { return one.name == group; });
  return std::any_of(found->operations.begin(), found->operations.end(), [&](const Operation* operation) {
    return operation->kind == "selective_scan" && operation->output("output").name == slice.name;
  });
}

void Differentiation::differentiate_norm(const std::string& group, const Operation& operation) {
  const ActivationSlice input = operation.input("input"), d_output = gradient_of(operation.output("output"));
  const bool rms = operation.kind == "rms_norm", weighted = !operation.weight("weight").empty();
  const std::string moments = rms ? "scales" : "moments";
  const ActivationSlice moment_slice{moments, 0, rms ? 1 : 2};
  Operation backward{.kind = operation.kind + "_backward",
                     .about = fmt::format("d {0} through the norm of {0}", input.name),
                     .layer = operation.layer,
                     .weights = operation.weights,
                     .inputs = {{"input", placed(group, input)}, {"d_output", d_output}},
                     .outputs = {{"d_input", gradient_of(input)}},
                     .numbers = operation.numbers};
  if (contributes_again(input)) backward.flags = {"accumulate"};
  if (weighted) {
    add(result_.activations, {moments, moment_slice.columns});
    backward.outputs.push_back({moments, moment_slice});
  }
  emit(std::move(backward));
  if (!weighted) return;
  Operation gradient{
      .kind = operation.kind + "_gradient",
      .about = fmt::format("d {} += d {} normed", source(operation.weight("weight")),
                           operation.output("output").name.empty() ? "output" : operation.output("output").name),
      .layer = operation.layer,
      .inputs = {{"input", placed(group, input)}, {"d_output", d_output}, {moments, moment_slice}}};
  for (const auto& [role, weight] : operation.weights) gradient.gradients.push_back({role, source(weight)});
  emit(std::move(gradient));
}

void Differentiation::differentiate_convolve(const std::string& group, const Operation& operation) {
  const ActivationSlice input = operation.input("input"), output = operation.output("output");
  Operation backward{.kind = "convolve_backward",
                     .about = fmt::format("d {}, d taps and d window through the convolution", input.name),
                     .layer = operation.layer,
                     .weights = operation.weights,
                     .states = {{"d_window", operation.state("window")}},
                     .inputs = {{"input", placed(group, input)}, {"d_output", gradient_of(output)}},
                     .outputs = {{"d_input", gradient_of(input)}}};
  const int64_t width = window_width(operation);
  if (width > 0) backward.inputs.push_back({"window", {kept_name(group, "window"), 0, width}});
  only_use(input, operation);
  for (const auto& [role, weight] : operation.weights) backward.gradients.push_back({role, source(weight)});
  emit(std::move(backward));
}

Operation Differentiation::gate_backward(const std::string& group, const Operation& operation) {
  const ActivationSlice input = operation.input("input"), gate = operation.input("gate");
  only_use(input, operation);
  only_use(gate, operation);
  return {.kind = operation.kind + "_backward",
          .about = fmt::format("d {} and d {}, which gates it", input.name, gate.name),
          .layer = operation.layer,
          .weights = operation.weights,
          .inputs = {{"input", placed(group, input)},
                     {"gate", placed(group, gate)},
                     {"d_output", gradient_of(operation.output("output"))}},
          .outputs = {{"d_input", gradient_of(input)}, {"d_gate", gradient_of(gate)}},
          .sizes = operation.sizes,
          .numbers = operation.numbers,
          .flags = operation.flags};
}

void Differentiation::differentiate_gated_norm(const std::string& group, const Operation& operation) {
  const ActivationSlice terms = scratch("weight_terms", operation.input("input").columns);
  Operation backward = gate_backward(group, operation);
  backward.outputs.push_back({terms.name, terms});
  emit(std::move(backward));
  sum_rows(operation.layer, source(operation.weight("weight")), terms);
}

}  // namespace mambac
