// The differentiation of a graph, inside: what the rules of differentiate_layers.cpp and differentiate_scans.cpp share.
#pragma once

#include <string>
#include <vector>

#include "generator/error.h"
#include "generator/names.h"
#include "generator/plan/differentiate.h"

namespace mambac {

// Tokens of a chunk of Mamba-2, whose gradients are products of matrices: as many as a vector has lanes.
inline constexpr int64_t chunk_tokens = 16;

// The gradient of an activation, or of a slice of it; of the outputs' without a name.
inline std::string gradient_name(const std::string& activation) {
  return activation.empty() ? "d_outputs" : "d_" + activation;
}
inline ActivationSlice gradient_of(ActivationSlice slice) {
  slice.name = gradient_name(slice.name);
  return slice;
}

class Differentiation {
 public:
  Differentiation(const Graph& graph, TapeSize size) : graph_(graph), size_(size) {}
  TrainingGraph run();

 private:
  struct Group {
    std::string name;
    std::vector<const Operation*> operations;
  };

  // The tape and the scratch of gradients.

  static void add(std::vector<Activation>& to, const Activation& activation);
  // A buffer that only gradients need.
  ActivationSlice scratch(const std::string& name, int64_t columns);
  void add_gradient(const std::string& activation);
  static std::string kept_name(const std::string& group, const std::string& activation) {
    return group + "." + activation;
  }

  bool is_kept(const std::string& group, const std::string& activation) const;
  // The slice as an operation of `group` reads or writes it: on the tape, if it is kept there.
  ActivationSlice placed(const std::string& group, ActivationSlice slice) const;
  static bool accumulates(const Operation& operation) { return operation.has("accumulate"); }
  static bool is_scan(const Operation& operation) {
    return operation.kind == "selective_scan" || operation.kind == "head_scan";
  }

  // The forward that keeps (differentiate.cpp).

  // Whether the tape keeps an operation's outputs.
  bool keeps_outputs(const Operation& operation) const;
  // The forward that keeps. `residual`, which every layer adds to, is copied where a norm reads it.
  void train(const std::string& group, const Operation& operation);
  // A copy of the operation's input, or state, that the tape keeps for `group` under `name`.
  void keep(const std::string& group, const std::string& name, Operation copy, int64_t width = 0,
            Rows rows = Rows::tokens);
  static bool is_norm(const Operation& operation) {
    return operation.kind == "rms_norm" || operation.kind == "layer_norm";
  }

  const StateTensor& state_tensor(const std::string& name) const {
    return find_named(graph_.state, name, "the graph has no state");
  }

  // Floats of a convolution's window; none with a single tap.
  int64_t window_width(const Operation& convolve) const;

  // Backwards, a group after the other (differentiate.cpp).

  // What the gradients need and the tape does not keep.
  void compute_again(const std::string& group, const Operation& operation);
  // Whether the gradient of a slice has been written before, so that the next contribution is added.
  bool contributes_again(const ActivationSlice& slice);
  // For kernels that write a gradient and cannot add to it.
  void only_use(const ActivationSlice& slice, const Operation& operation) {
    if (contributes_again(slice)) fail(ExitCode::internal, "{} must be the last use of {}", operation.kind, slice.name);
  }

  // Backwards past the operation that makes a slice, its gradient is another layer's.
  void leave(const ActivationSlice& slice);
  void differentiate(const std::string& group, const Operation& operation);
  void emit(Operation operation) { result_.backward.push_back(std::move(operation)); }
  std::string source(const std::string& weight) const { return graph_.weight(weight).source; }
  // d parameter += the sum of the rows of terms, from the parameter's `first_row` on.
  void sum_rows(int64_t layer, const std::string& parameter, const ActivationSlice& terms, int64_t first_row = 0);

  // The rules, one for each kind of operation (differentiate_layers.cpp).

  // d input = W^T d output; d W += d output input^T; d bias += d output, each summed over the rows.
  void differentiate_project(const std::string& group, const Operation& operation);
  bool is_scanned(const std::string& group, const ActivationSlice& slice) const;
  void differentiate_norm(const std::string& group, const Operation& operation);
  void differentiate_convolve(const std::string& group, const Operation& operation);
  Operation gate_backward(const std::string& group, const Operation& operation);
  void differentiate_gated_norm(const std::string& group, const Operation& operation);

  // Those of the scans (differentiate_scans.cpp).

  // d B and d C = the sum of the parts that slices of `over` have written.
  void sum_slices(int64_t layer, const std::string& over, const ActivationSlice& partial,
                  const ActivationSlice& b_and_c, int64_t slices);
  void differentiate_selective_scan(const std::string& group, const Operation& operation);
  // d decay is the gradient of its logarithm, which stays finite where decay is 0.
  void differentiate_discretize(const std::string& group, const Operation& operation);
  void differentiate_head_scan(const std::string& group, const Operation& operation);

  const Graph& graph_;
  const TapeSize size_;
  TrainingGraph result_;
  std::vector<Group> groups_;
  std::vector<ActivationSlice> contributed_;  // forward slices whose gradients have been written
  std::vector<Operation> after_scan_;         // gradients that need the scan's output
};

}  // namespace mambac
