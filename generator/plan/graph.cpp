#include "generator/plan/graph.h"

#include <algorithm>

#include "generator/error.h"
#include "generator/names.h"

namespace mambac {
namespace {

template <typename Value>
const Value* find_role(const std::vector<std::pair<std::string, Value>>& all, const std::string& role) {
  for (const auto& [name, value] : all) {
    if (name == role) return &value;
  }
  return nullptr;
}

}  // namespace

std::string Operation::weight(const std::string& role) const {
  const std::string* name = find_role(weights, role);
  return name ? *name : "";
}

std::string Operation::state(const std::string& role) const {
  const std::string* name = find_role(states, role);
  return name ? *name : "";
}

std::string Operation::gradient(const std::string& role) const {
  const std::string* name = find_role(gradients, role);
  return name ? *name : "";
}

const ActivationSlice& Operation::input(const std::string& role) const {
  const ActivationSlice* slice = find_role(inputs, role);
  if (!slice) fail(ExitCode::internal, "operation '{}' has no input '{}'", about, role);
  return *slice;
}

const ActivationSlice& Operation::output(const std::string& role) const {
  const ActivationSlice* slice = find_role(outputs, role);
  if (!slice) fail(ExitCode::internal, "operation '{}' has no output '{}'", about, role);
  return *slice;
}

bool Operation::has_input(const std::string& role) const { return find_role(inputs, role) != nullptr; }
bool Operation::has_output(const std::string& role) const { return find_role(outputs, role) != nullptr; }

int64_t Operation::size(const std::string& name) const {
  const int64_t* value = find_role(sizes, name);
  if (!value) fail(ExitCode::internal, "operation '{}' has no size '{}'", about, name);
  return *value;
}

double Operation::number(const std::string& name) const {
  const double* value = find_role(numbers, name);
  if (!value) fail(ExitCode::internal, "operation '{}' has no number '{}'", about, name);
  return *value;
}

bool Operation::has(const std::string& flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

const CheckpointTensor& Graph::checkpoint_tensor(const std::string& name) const {
  return find_named(checkpoint, name, "the graph has no checkpoint tensor");
}
const GraphWeight& Graph::weight(const std::string& name) const {
  return find_named(weights, name, "the graph has no weight");
}
const Activation& Graph::activation(const std::string& name) const {
  return find_named(activations, name, "the graph has no activation");
}

void Graph::add_matrix(const std::string& name, const std::string& source, int64_t rows, int64_t columns,
                       std::vector<Segment> segments) {
  checkpoint.push_back({source, {rows, columns}, true});
  weights.push_back({name, source, Transform::none, std::move(segments)});
}

void Graph::add_vector(const std::string& name, const std::string& source, std::vector<int64_t> shape,
                       Transform transform, std::vector<Segment> segments) {
  if (segments.empty()) segments = {{0, shape.front()}};
  checkpoint.push_back({source, std::move(shape), false});
  weights.push_back({name, source, transform, std::move(segments)});
}

void Graph::add_state(const std::string& name, const std::string& golden_name, int64_t layer,
                      std::vector<int64_t> shape, std::vector<int64_t> golden_order) {
  StateTensor tensor{name, golden_name, layer, std::move(shape), std::move(golden_order), 0, state_floats};
  tensor.padded_last = round_up(tensor.shape.back(), channel_padding);
  state_floats += floats_of(tensor);
  state.push_back(std::move(tensor));
}

}  // namespace mambac
