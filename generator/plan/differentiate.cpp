#include "generator/plan/differentiate.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/error.h"
#include "generator/names.h"

namespace mambac {
namespace {

// A product of so many inputs or fewer costs less to compute again than its outputs cost to write and read.
constexpr int64_t cheap_inputs = 32;
// Tokens whose states the scan's gradient holds in the near cache: this many floats for each channel.
constexpr int64_t states_in_cache = 128;
constexpr int64_t most_checkpoint_tokens = 16;
// Channels whose part of B's and C's gradients is summed by itself.
constexpr int64_t slice_channels = 128;
// Tokens of a chunk of Mamba-2, whose gradients are products of matrices: as many as a vector has lanes.
constexpr int64_t chunk_tokens = 16;

std::string gradient_name(const std::string& activation) {
  return activation.empty() ? "d_outputs" : "d_" + activation;
}

ActivationSlice gradient_of(ActivationSlice slice) {
  slice.name = gradient_name(slice.name);
  return slice;
}

class Differentiation {
 public:
  Differentiation(const Graph& graph, TapeSize size) : graph_(graph), size_(size) {}

  TrainingGraph run() {
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

 private:
  struct Group {
    std::string name;
    std::vector<const Operation*> operations;
  };

  static void add(std::vector<Activation>& to, const Activation& activation) {
    const bool known =
        std::any_of(to.begin(), to.end(), [&](const Activation& one) { return one.name == activation.name; });
    if (!known) to.push_back(activation);
  }

  // A buffer that only gradients need.
  ActivationSlice scratch(const std::string& name, int64_t columns) {
    add(result_.activations, {name, columns});
    return {name, 0, columns};
  }

  void add_gradient(const std::string& activation) {
    if (activation.empty()) return;
    add(result_.activations, {gradient_name(activation), graph_.activation(activation).width});
  }

  static std::string kept_name(const std::string& group, const std::string& activation) {
    return group + "." + activation;
  }

  bool is_kept(const std::string& group, const std::string& activation) const {
    return std::any_of(result_.tape.begin(), result_.tape.end(),
                       [&](const Activation& one) { return one.name == kept_name(group, activation); });
  }

  // The slice as an operation of `group` reads or writes it: on the tape, if it is kept there.
  ActivationSlice placed(const std::string& group, ActivationSlice slice) const {
    if (!slice.name.empty() && is_kept(group, slice.name)) slice.name = kept_name(group, slice.name);
    return slice;
  }

  static bool accumulates(const Operation& operation) { return operation.has("accumulate"); }

  static bool is_scan(const Operation& operation) {
    return operation.kind == "selective_scan" || operation.kind == "head_scan";
  }

  // Whether the tape keeps an operation's outputs.
  bool keeps_outputs(const Operation& operation) const {
    if (operation.outputs.empty() || accumulates(operation)) return false;
    const std::string& name = operation.outputs.front().second.name;
    if (name.empty() || name == "residual") return false;
    if (operation.kind == "project") return size_ == TapeSize::fast || operation.input("input").columns > cheap_inputs;
    if (operation.kind == "head_scan") return true;
    return size_ == TapeSize::fast && (operation.kind == "convolve" || operation.kind == "discretize" ||
                                       operation.kind == "gate" || operation.kind == "gated_rms_norm");
  }

  // The forward that keeps. `residual`, which every layer adds to, is copied where a norm reads it.
  void train(const std::string& group, const Operation& operation) {
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
      result_.checkpoint_tokens = operation.kind == "head_scan" ? chunk_tokens
                                                                : std::clamp<int64_t>(states_in_cache / h.shape.front(),
                                                                                      1, most_checkpoint_tokens);
      add(result_.tape, {kept_name(group, "checkpoints"), floats_of(h), Rows::checkpoints});
      kept.kind += "_keep";
      kept.outputs.push_back({"checkpoints", {kept_name(group, "checkpoints"), 0, floats_of(h)}});
      kept.sizes.push_back({"interval", result_.checkpoint_tokens});
    }
    result_.train.push_back(std::move(kept));
  }

  // A copy of the operation's input, or state, that the tape keeps for `group` under `name`.
  void keep(const std::string& group, const std::string& name, Operation copy, int64_t width = 0,
            Rows rows = Rows::tokens) {
    if (width == 0) width = copy.input("input").columns;
    add(result_.tape, {kept_name(group, name), width, rows});
    copy.outputs.push_back({"output", {kept_name(group, name), 0, width}});
    result_.train.push_back(std::move(copy));
  }

  static bool is_norm(const Operation& operation) {
    return operation.kind == "rms_norm" || operation.kind == "layer_norm";
  }

  const StateTensor& state_tensor(const std::string& name) const {
    return find_named(graph_.state, name, "the graph has no state");
  }

  // Floats of a convolution's window; none with a single tap.
  int64_t window_width(const Operation& convolve) const {
    const StateTensor& window = state_tensor(convolve.state("window"));
    return window.shape.front() * window.padded_last;
  }

  // What the gradients need and the tape does not keep.
  void compute_again(const std::string& group, const Operation& operation) {
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

  // Whether the gradient of a slice has been written before, so that the next contribution is added.
  bool contributes_again(const ActivationSlice& slice) {
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

  // For kernels that write a gradient and cannot add to it.
  void only_use(const ActivationSlice& slice, const Operation& operation) {
    if (contributes_again(slice)) fail(ExitCode::internal, "{} must be the last use of {}", operation.kind, slice.name);
  }

  // Backwards past the operation that makes a slice, its gradient is another layer's.
  void leave(const ActivationSlice& slice) {
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

  void differentiate(const std::string& group, const Operation& operation) {
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

  void emit(Operation operation) { result_.backward.push_back(std::move(operation)); }
  std::string source(const std::string& weight) const { return graph_.weight(weight).source; }

  // d parameter += the sum of the rows of terms, from the parameter's `first_row` on.
  void sum_rows(int64_t layer, const std::string& parameter, const ActivationSlice& terms, int64_t first_row = 0) {
    emit({.kind = "sum_rows",
          .about = fmt::format("d {} += {}", parameter, terms.name),
          .layer = layer,
          .inputs = {{"terms", terms}},
          .sizes = {{"first_row", first_row}},
          .gradients = {{"parameter", parameter}}});
  }

  // d input = W^T d output; d W += d output input^T; d bias += d output, each summed over the rows.
  void differentiate_project(const std::string& group, const Operation& operation) {
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
    Operation backward{.kind = "project_backward",
                       .about = fmt::format("d {} = {}^T d {}", from_user ? "input" : input.name, name,
                                            operation.output("output").name),
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

  bool is_scanned(const std::string& group, const ActivationSlice& slice) const {
    const auto found =
        std::find_if(groups_.begin(), groups_.end(), [&](const Group& one) { return one.name == group; });
    return std::any_of(found->operations.begin(), found->operations.end(), [&](const Operation* operation) {
      return operation->kind == "selective_scan" && operation->output("output").name == slice.name;
    });
  }

  void differentiate_norm(const std::string& group, const Operation& operation) {
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

  void differentiate_convolve(const std::string& group, const Operation& operation) {
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

  void differentiate_selective_scan(const std::string& group, const Operation& operation) {
    const StateTensor& h = state_tensor(operation.state("h"));
    const ActivationSlice x = operation.input("x"), gate = operation.input("gate"),
                          delta = operation.input("delta_input");
    const ActivationSlice b = operation.input("b"), c = operation.input("c"), output = operation.output("output");
    const int64_t states = h.shape.front(), channels = h.padded_last;
    const int64_t slices = std::max<int64_t>(channels / slice_channels, 1);
    if (c.name != b.name || c.first != b.first + states) fail(ExitCode::internal, "B and C do not lie side by side");
    for (const ActivationSlice& slice : {x, gate, delta, b, c}) only_use(slice, operation);
    const ActivationSlice partial = scratch("slices", slices * 2 * states);
    Operation backward{
        .kind = "selective_scan_backward",
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
    emit({.kind = "sum_slices",
          .about = "d B and d C, summed over the channels",
          .layer = operation.layer,
          .inputs = {{"slices", partial}},
          .outputs = {{"output", gradient_of({b.name, b.first, 2 * states})}},
          .sizes = {{"slices", slices}}});
    for (Operation& gradient : after_scan_) emit(std::move(gradient));
    after_scan_.clear();
    result_.recomputed_exponentials += h.shape.front() * h.shape.back();
    result_.recomputed_multiply_adds += 2 * h.shape.front() * h.shape.back();
  }

  // d decay is the gradient of its logarithm, which stays finite where decay is 0.
  void differentiate_discretize(const std::string& group, const Operation& operation) {
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

  void differentiate_head_scan(const std::string& group, const Operation& operation) {
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
    emit({.kind = "sum_slices",
          .about = "d B and d C, summed over the heads of a group",
          .layer = operation.layer,
          .inputs = {{"slices", partial}},
          .outputs = {{"output", gradient_of(b_and_c)}},
          .sizes = {{"slices", slices}}});
    result_.recomputed_multiply_adds += chunk_tokens * heads * h.shape[1];
  }

  Operation gate_backward(const std::string& group, const Operation& operation) {
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

  void differentiate_gated_norm(const std::string& group, const Operation& operation) {
    const ActivationSlice terms = scratch("weight_terms", operation.input("input").columns);
    Operation backward = gate_backward(group, operation);
    backward.outputs.push_back({terms.name, terms});
    emit(std::move(backward));
    sum_rows(operation.layer, source(operation.weight("weight")), terms);
  }

  const Graph& graph_;
  const TapeSize size_;
  TrainingGraph result_;
  std::vector<Group> groups_;
  std::vector<ActivationSlice> contributed_;  // forward slices whose gradients have been written
  std::vector<Operation> after_scan_;         // gradients that need the scan's output
};

}  // namespace

TrainingGraph differentiate(const Graph& graph, TapeSize size) { return Differentiation(graph, size).run(); }

}  // namespace mambac
