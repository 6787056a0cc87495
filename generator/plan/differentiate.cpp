#include "generator/plan/differentiate.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/plan/differentiation.h"

namespace mambac {
namespace {

// A product of so many inputs or fewer costs less to compute again than its outputs cost to write and read.
constexpr int64_t cheap_inputs = 32;
// Tokens whose states the scan's gradient holds in the near cache: this many floats for each channel.
constexpr int64_t states_in_cache = 128;
constexpr int64_t most_checkpoint_tokens = 16;

}  // namespace

TrainingGraph Differentiation::run() {
  for (const std::vector<Operation>* operations : {&graph_.operations, &graph_.output_operations}) {
    for (const Operation& operation : *operations) {
      // Groups that are computed again together: before the layers, each layer, the outputs.
      const bool outputs = operations == &graph_.output_operations;
      const std::string group = outputs               ? "outputs"
                                : operation.layer < 0 ? "inputs"
                                                      : fmt::format("layers.{}", operation.layer);
      if (groups_.empty() || groups_.back().name != group) groups_.push_back({group, {}});
      groups_.back().operations.push_back(&operation);
    }
  }
  for (const Activation& activation : graph_.activations) add(result_.activations, activation);
  for (const Group& group : groups_) {
    for (const Operation* operation : group.operations) train(group.name, *operation);
  }
  for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
    for (const Operation* operation : group->operations) compute_again(group->name, *operation);
    for (auto operation = group->operations.rbegin(); operation != group->operations.rend(); ++operation) {
      differentiate(group->name, **operation);
    }
  }
  return std::move(result_);
}

void Differentiation::add(std::vector<Activation>& to, const Activation& activation) {
  const bool known =
      std::any_of(to.begin(), to.end(), [&](const Activation& one) { return one.name == activation.name; });
  if (!known) to.push_back(activation);
}

ActivationSlice Differentiation::scratch(const std::string& name, int64_t columns) {
  add(result_.activations, {name, columns});
  return {name, 0, columns};
}

void Differentiation::add_gradient(const std::string& activation) {
  if (activation.empty()) return;
  add(result_.activations, {gradient_name(activation), graph_.activation(activation).width});
}

bool Differentiation::is_kept(const std::string& group, const std::string& activation) const {
  return std::any_of(result_.tape.begin(), result_.tape.end(),
                     [&](const Activation& one) { return one.name == kept_name(group, activation); });
}

ActivationSlice Differentiation::placed(const std::string& group, ActivationSlice slice) const {
  if (!slice.name.empty() && is_kept(group, slice.name)) slice.name = kept_name(group, slice.name);
  return slice;
}

bool Differentiation::keeps_outputs(const Operation& operation) const {
  if (operation.outputs.empty() || accumulates(operation)) return false;
  const std::string& name = operation.outputs.front().second.name;
  if (name.empty() || name == "residual") return false;
  if (operation.kind == "project") return size_ == TapeSize::fast || operation.input("input").columns > cheap_inputs;
  if (operation.kind == "head_scan") return true;
  return size_ == TapeSize::fast && (operation.kind == "convolve" || operation.kind == "discretize" ||
                                     operation.kind == "gate" || operation.kind == "gated_rms_norm");
}

void Differentiation::train(const std::string& group, const Operation& operation) {
  if (keeps_outputs(operation)) {
    for (const auto& [role, slice] : operation.outputs) {
      add(result_.tape, {kept_name(group, slice.name), graph_.activation(slice.name).width});
    }
  }
  Operation kept = operation;
  for (auto* slices : {&kept.inputs, &kept.outputs}) {
    for (auto& [role, slice] : *slices) {
      if (slice.name != "residual") slice = placed(group, slice);
    }
  }
  if (is_norm(operation) && operation.input("input").name == "residual") {
    keep(group, "residual",
         {.kind = "copy_rows",
          .about = "the tape keeps residual",
          .layer = operation.layer,
          .inputs = {{"input", operation.input("input")}}});
  }
  if (operation.kind == "convolve" && window_width(operation) > 0) {
    keep(group, "window",
         {.kind = "copy_rows",
          .about = "the tape keeps the window",
          .layer = operation.layer,
          .states = {{"input", operation.state("window")}}},
         window_width(operation), Rows::sequences);
  }
  if (is_scan(operation)) {
    const StateTensor& h = state_tensor(operation.state("h"));
    result_.checkpoint_tokens = operation.kind == "head_scan"
                                    ? chunk_tokens
                                    : std::clamp<int64_t>(states_in_cache / h.shape.front(), 1, most_checkpoint_tokens);
    add(result_.tape, {kept_name(group, "checkpoints"), floats_of(h), Rows::checkpoints});
    kept.kind += "_keep";
    kept.outputs.push_back({"checkpoints", {kept_name(group, "checkpoints"), 0, floats_of(h)}});
    kept.sizes.push_back({"interval", result_.checkpoint_tokens});
  }
  result_.train.push_back(std::move(kept));
}

void Differentiation::keep(const std::string& group, const std::string& name, Operation copy, int64_t width,
                           Rows rows) {
  if (width == 0) width = copy.input("input").columns;
  add(result_.tape, {kept_name(group, name), width, rows});
  copy.outputs.push_back({"output", {kept_name(group, name), 0, width}});
  result_.train.push_back(std::move(copy));
}

int64_t Differentiation::window_width(const Operation& convolve) const {
  const StateTensor& window = state_tensor(convolve.state("window"));
  return window.shape.front() * window.padded_last;
}

void Differentiation::compute_again(const std::string& group, const Operation& operation) {
  if (operation.outputs.empty() || accumulates(operation) || group == "inputs" || operation.kind == "selective_scan")
    return;
  const ActivationSlice& output = operation.outputs.front().second;
  if (output.name.empty() || is_kept(group, output.name)) return;
  Operation again = operation;
  again.about = "again: " + operation.about;
  for (auto& [role, slice] : again.inputs) slice = placed(group, slice);
  if (operation.kind == "convolve") {
    const int64_t width = window_width(operation);
    again.states.clear();
    if (width > 0) {
      // On a copy of the kept window, which it moves on.
      add(result_.activations, {"window", width, Rows::sequences});
      result_.backward.push_back({.kind = "copy_rows",
                                  .about = "a copy of the kept window, for the convolution moves it on",
                                  .layer = operation.layer,
                                  .inputs = {{"input", {kept_name(group, "window"), 0, width}}},
                                  .outputs = {{"output", {"window", 0, width}}}});
      again.outputs.push_back({"window", {"window", 0, width}});
    }
    const StateTensor& window = state_tensor(operation.state("window"));
    result_.recomputed_multiply_adds += window.shape.back() * (window.shape.front() + 1);
    result_.recomputed_exponentials += window.shape.back();
  }
  if (operation.kind == "project") {
    result_.recomputed_multiply_adds += operation.input("input").columns * output.columns;
  }
  if (operation.kind == "gate" || operation.kind == "gated_rms_norm") {
    result_.recomputed_exponentials += output.columns;
  }
  if (operation.kind == "discretize") result_.recomputed_exponentials += 2 * output.columns;
  result_.backward.push_back(std::move(again));
}

bool Differentiation::contributes_again(const ActivationSlice& slice) {
  for (const ActivationSlice& other : contributed_) {
    if (other.name != slice.name || slice.first >= other.first + other.columns ||
        other.first >= slice.first + slice.columns)
      continue;
    if (slice.first < other.first || slice.first + slice.columns > other.first + other.columns) {
      fail(ExitCode::internal, "gradients of parts of {} overlap", slice.name);
    }
    return true;
  }
  contributed_.push_back(slice);
  return false;
}

void Differentiation::leave(const ActivationSlice& slice) {
  std::vector<ActivationSlice> left;
  const int64_t end = slice.first + slice.columns;
  for (const ActivationSlice& other : contributed_) {
    const int64_t other_end = other.first + other.columns;
    if (other.name != slice.name || other_end <= slice.first || end <= other.first) {
      left.push_back(other);
      continue;
    }
    // Several operations may make what one has read: the rest stays.
    if (other.first < slice.first) left.push_back({other.name, other.first, slice.first - other.first});
    if (end < other_end) left.push_back({other.name, end, other_end - end});
  }
  contributed_ = std::move(left);
}

void Differentiation::differentiate(const std::string& group, const Operation& operation) {
  for (const auto& [role, slice] : operation.inputs) {
    if (role != "tokens") add_gradient(slice.name);
  }
  if (operation.kind == "project") {
    differentiate_project(group, operation);
  } else if (is_norm(operation)) {
    differentiate_norm(group, operation);
  } else if (operation.kind == "convolve") {
    differentiate_convolve(group, operation);
  } else if (operation.kind == "selective_scan") {
    differentiate_selective_scan(group, operation);
  } else if (operation.kind == "discretize") {
    differentiate_discretize(group, operation);
  } else if (operation.kind == "head_scan") {
    differentiate_head_scan(group, operation);
  } else if (operation.kind == "gate") {
    emit(gate_backward(group, operation));
  } else if (operation.kind == "gated_rms_norm") {
    differentiate_gated_norm(group, operation);
  } else if (operation.kind == "embed") {
    emit({.kind = "embed_gradient",
          .about = "d embedding[token] += d residual",
          .inputs = {{"tokens", operation.input("tokens")}, {"d_output", gradient_of(operation.output("output"))}},
          .gradients = {{"table", source(operation.weight("table"))}}});
  } else {
    fail(ExitCode::usage, "the program train is not built yet for models with '{}'; leave it out of --programs",
         operation.kind);
  }
  if (!accumulates(operation)) {
    for (const auto& [role, slice] : operation.outputs) leave(slice);
  }
}

TrainingGraph differentiate(const Graph& graph, TapeSize size) { return Differentiation(graph, size).run(); }

}  // namespace mambac
