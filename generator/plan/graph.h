// Stage 2: the model as operations on rows of activations, the same for every target. A row is one token of one
// sequence. families/ makes it; targets/ turns it into the calls of a plan.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// A weight as the operations use it; targets decide how it is packed.
struct GraphWeight {
  std::string name;    // "layers.0.in_proj"
  std::string source;  // name of the checkpoint's tensor
  Transform transform = Transform::none;
  std::vector<Segment> segments;  // rows that are channels, padded; empty: rows are not padded
};

// What one operation hands to a later one: `width` floats a row.
struct Activation {
  std::string name;
  int64_t width = 0;
  Rows rows = Rows::tokens;
};

// Columns [first, first + columns) of an activation.
struct ActivationSlice {
  std::string name;
  int64_t first = 0;
  int64_t columns = 0;
};

// One operation. Its kind names the mathematics and the kernel: embed, rms_norm, project, convolve, selective_scan, ...
// Roles are the names of the kernel's arguments.
struct Operation {
  std::string kind = {};
  std::string about = {};                                         // the formula, for the emitted source's comments
  int64_t layer = -1;                                             // -1: outside the layers
  std::vector<std::pair<std::string, std::string>> weights = {};  // role, GraphWeight's name
  std::vector<std::pair<std::string, std::string>> states = {};   // role, StateTensor's name
  std::vector<std::pair<std::string, ActivationSlice>> inputs = {},
                                                       outputs = {};  // role, slice; "" names the user's memory
  std::vector<std::pair<std::string, int64_t>> sizes = {};            // that the slices do not tell: "groups"
  std::vector<std::pair<std::string, double>> numbers = {};           // "epsilon"
  std::vector<std::string> flags = {};                                // "accumulate": project adds to its output
  std::vector<std::pair<std::string, std::string>> gradients = {};    // role, checkpoint's tensor: is added to

  std::string weight(const std::string& role) const;  // "" if there is none
  std::string state(const std::string& role) const;
  std::string gradient(const std::string& role) const;
  const ActivationSlice& input(const std::string& role) const;
  const ActivationSlice& output(const std::string& role) const;
  bool has_input(const std::string& role) const;
  bool has_output(const std::string& role) const;
  int64_t size(const std::string& name) const;
  double number(const std::string& name) const;
  bool has(const std::string& flag) const;
};

struct Graph {
  std::vector<CheckpointTensor> checkpoint;
  std::vector<GraphWeight> weights;
  std::vector<StateTensor> state;  // offsets set
  int64_t state_floats = 0;
  std::vector<Activation> activations;
  std::vector<Operation> operations;         // embedding or input projection, and the layers
  std::vector<Operation> output_operations;  // final norm and head: of every token or of the last
  Cost cost;                                 // all but weight_bytes

  const CheckpointTensor& checkpoint_tensor(const std::string& name) const;
  const GraphWeight& weight(const std::string& name) const;
  const Activation& activation(const std::string& name) const;

  // Builders for families. `matrix` rows are padded to channels where `segments` are given.
  void add_matrix(const std::string& name, const std::string& source, int64_t rows, int64_t columns,
                  std::vector<Segment> segments = {});
  void add_vector(const std::string& name, const std::string& source, std::vector<int64_t> shape,
                  Transform transform = Transform::none, std::vector<Segment> segments = {});
  void add_state(const std::string& name, const std::string& golden_name, int64_t layer, std::vector<int64_t> shape,
                 std::vector<int64_t> golden_order);
};

}  // namespace mambac
