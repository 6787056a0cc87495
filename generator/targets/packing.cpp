#include "generator/targets/packing.h"

#include <algorithm>

#include "generator/shape.h"

namespace mambac {
namespace {

constexpr int64_t tensor_alignment = 64;  // bytes; a cache line

}  // namespace

int64_t bytes_of_element(WeightType type) { return type == WeightType::f32 ? 4 : 2; }

PackedTensor unpacked(const Graph& graph, const GraphWeight& weight, WeightType matrices) {
  const CheckpointTensor& source = graph.checkpoint_tensor(weight.source);
  PackedTensor tensor{.name = weight.name, .source = weight.source, .transform = weight.transform};
  tensor.segments = weight.segments;
  tensor.rows = source.shape.front();
  tensor.columns = element_count(std::span(source.shape).subspan(1));
  tensor.type = source.matrix ? matrices : WeightType::f32;
  return tensor;
}

PackedTensor pack_rows(PackedTensor tensor) {
  tensor.packing = Packing::rows;
  for (const Segment& segment : tensor.segments) tensor.padded_rows += round_up(segment.rows, channel_padding);
  if (tensor.segments.empty()) {
    tensor.segments = {{0, tensor.rows}};
    tensor.padded_rows = tensor.rows;
  }
  tensor.bytes = tensor.padded_rows * tensor.columns * bytes_of_element(tensor.type);
  return tensor;
}

PackedTensor pack_transposed(PackedTensor tensor) {
  tensor.packing = Packing::transposed;
  for (const Segment& segment : tensor.segments) tensor.padded_rows += round_up(segment.rows, channel_padding);
  tensor.bytes = tensor.columns * tensor.padded_rows * bytes_of_element(tensor.type);
  return tensor;
}

void add_weight(PackedTensor tensor, Plan& plan) {
  tensor.offset = plan.weight_bytes;
  plan.weight_bytes = round_up(tensor.offset + tensor.bytes, tensor_alignment);
  plan.weights.push_back(std::move(tensor));
}

bool is_projected(const Graph& graph, const std::string& weight) {
  const auto projects = [&](const Operation& operation) {
    return operation.kind == "project" && operation.weight("weights") == weight;
  };
  return std::any_of(graph.operations.begin(), graph.operations.end(), projects) ||
         std::any_of(graph.output_operations.begin(), graph.output_operations.end(), projects);
}

}  // namespace mambac
