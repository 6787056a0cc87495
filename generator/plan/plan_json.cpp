// The plan as JSON: field for field the structs of plan.h, under the same names.
#include "generator/plan/plan.h"

namespace mambac {
namespace {

using Json = nlohmann::ordered_json;

std::string name_of(Transform transform) { return transform == Transform::none ? "none" : "negative_exponential"; }
std::string name_of(Packing packing) {
  switch (packing) {
    case Packing::panels:
      return "panels";
    case Packing::transposed:
      return "transposed";
    case Packing::rows:
      return "rows";
    case Packing::tiles:
      return "tiles";
    case Packing::stream:
      return "stream";
  }
  return "";
}
std::string name_of(Space space) {
  switch (space) {
    case Space::weights:
      return "weights";
    case Space::state:
      return "state";
    case Space::workspace:
      return "workspace";
    case Space::tokens:
      return "tokens";
    case Space::input:
      return "input";
    case Space::output:
      return "output";
    case Space::tape:
      return "tape";
    case Space::d_outputs:
      return "d_outputs";
    case Space::gradients:
      return "gradients";
    case Space::parameters:
      return "parameters";
    case Space::packed:
      return "packed";
  }
  return "";
}
std::string name_of(Count count) {
  switch (count) {
    case Count::rows:
      return "rows";
    case Count::sequences:
      return "sequences";
    case Count::tokens:
      return "tokens";
  }
  return "";
}

Json json_of(const CheckpointTensor& tensor) {
  return {{"name", tensor.name}, {"shape", tensor.shape}, {"matrix", tensor.matrix}};
}

Json json_of(const Chunk& chunk) {
  return {{"source", chunk.source},
          {"transform", name_of(chunk.transform)},
          {"type", name_of(chunk.type)},
          {"first_row", chunk.first_row},
          {"row_end", chunk.row_end},
          {"row_step", chunk.row_step},
          {"rows", chunk.rows},
          {"first_column", chunk.first_column},
          {"column_end", chunk.column_end},
          {"column_step", chunk.column_step},
          {"columns", chunk.columns},
          {"slab", chunk.slab},
          {"bytes", chunk.bytes}};
}

template <typename Element>
Json json_of(const std::vector<Element>& elements);

Json json_of(const PackedTensor& tensor) {
  if (tensor.packing == Packing::stream) {
    return {{"name", tensor.name},
            {"packing", name_of(tensor.packing)},
            {"type", name_of(tensor.type)},
            {"rows", tensor.parts},
            {"columns", tensor.chunks.size()},
            {"transform", name_of(tensor.transform)},
            {"offset", tensor.offset},
            {"bytes", tensor.bytes},
            {"chunks", json_of(tensor.chunks)}};
  }
  Json segments = Json::array();
  for (const Segment& segment : tensor.segments) segments.push_back(Json::array({segment.first_row, segment.rows}));
  return {{"name", tensor.name},
          {"source", tensor.source},
          {"packing", name_of(tensor.packing)},
          {"transform", name_of(tensor.transform)},
          {"type", name_of(tensor.type)},
          {"rows", tensor.rows},
          {"columns", tensor.columns},
          {"segments", std::move(segments)},
          {"padded_rows", tensor.padded_rows},
          {"panel_rows", tensor.panel_rows},
          {"offset", tensor.offset},
          {"bytes", tensor.bytes}};
}

Json json_of(const StateTensor& tensor) {
  return {{"name", tensor.name},    {"golden_name", tensor.golden_name},   {"layer", tensor.layer},
          {"shape", tensor.shape},  {"golden_order", tensor.golden_order}, {"padded_last", tensor.padded_last},
          {"offset", tensor.offset}};
}

Json json_of(const WorkspaceBuffer& buffer) {
  Json json = {{"name", buffer.name},
               {"rows", buffer.rows},
               {"row_stride", buffer.row_stride},
               {"offset", buffer.offset},
               {"first_call", buffer.first_call},
               {"last_call", buffer.last_call}};
  if (buffer.type != "float") json["type"] = buffer.type;
  if (buffer.kept) json["kept"] = true;
  return json;
}

Json json_of(const Argument& argument) {
  struct Visitor {
    Json operator()(const Operand& operand) const {
      Json json = {{"space", name_of(operand.space)}, {"name", operand.name}, {"offset", operand.offset}};
      if (operand.row_stride > 0) json["row_stride"] = operand.row_stride;
      if (operand.columns > 0) json["columns"] = operand.columns;
      if (operand.last_row_only) json["last_row_only"] = true;
      if (operand.written) json["written"] = true;
      return json;
    }
    Json operator()(NoOperand) const { return nullptr; }
    Json operator()(double value) const { return value; }
    Json operator()(int64_t value) const { return value; }
    Json operator()(Count count) const { return name_of(count); }
    Json operator()(Part) const { return "part"; }
    Json operator()(const Given& given) const { return given.text; }
  };
  return std::visit(Visitor{}, argument);
}

Json json_of(const Launch& launch) {
  Json json = {{"blocks", launch.blocks}};
  if (launch.per_block > 0) json[name_of(launch.count) + "_per_block"] = launch.per_block;
  json["threads"] = launch.threads;
  if (launch.shared_bytes > 0) json["shared_bytes"] = launch.shared_bytes;
  if (launch.cooperative) json["cooperative"] = true;
  if (launch.cluster_blocks > 0) json["cluster_blocks"] = launch.cluster_blocks;
  if (launch.overlapping) json["overlapping"] = true;
  return json;
}

Json json_of(const Call& call) {
  Json shape = Json::object(), arguments = Json::object();
  for (const auto& [name, value] : call.shape) {
    std::visit([&, &key = name](const auto& one) { shape[key] = one; }, value);
  }
  for (const auto& [name, value] : call.arguments) arguments[name] = json_of(value);
  Json json = {{"kernel", call.kernel}, {"about", call.about}};
  if (call.layer >= 0) json["layer"] = call.layer;
  json["shape"] = std::move(shape);
  json["arguments"] = std::move(arguments);
  if (call.launch) json["launch"] = json_of(*call.launch);
  return json;
}

Json json_of(const Parameter& parameter) {
  return {{"name", parameter.name},
          {"shape", parameter.shape},
          {"offset", parameter.offset},
          {"weight_decay", parameter.weight_decay}};
}

Json json_of(const TapeTensor& tensor) {
  return {{"name", tensor.name}, {"rows", tensor.rows}, {"row_stride", tensor.row_stride}, {"offset", tensor.offset}};
}

Json json_of(const Program& program);

template <typename Element>
Json json_of(const std::vector<Element>& elements) {
  Json json = Json::array();
  for (const Element& element : elements) json.push_back(json_of(element));
  return json;
}

Json json_of(const Program& program) {
  return {{"name", program.name},
          {"sequences", program.sequences},
          {"block_tokens", program.block_tokens},
          {"buffers", json_of(program.buffers)},
          {"calls", json_of(program.calls)},
          {"outputs_all", json_of(program.outputs_all)},
          {"outputs_last", json_of(program.outputs_last)}};
}

Json json_of(const Cost& cost) {
  return {{"matrix_multiply_adds", cost.matrix_multiply_adds},
          {"head_multiply_adds", cost.head_multiply_adds},
          {"recurrence_multiply_adds", cost.recurrence_multiply_adds},
          {"exponentials", cost.exponentials},
          {"weight_bytes", cost.weight_bytes},
          {"state_bytes", cost.state_bytes}};
}

Json json_of(const TrainingPlan& training) {
  return {{"parameters", json_of(training.parameters)},
          {"parameter_floats", training.parameter_floats},
          {"sequences", training.sequences},
          {"tape", json_of(training.tape)},
          {"tape_floats", training.tape_floats},
          {"checkpoint_tokens", training.checkpoint_tokens},
          {"recomputed_exponentials", training.recomputed_exponentials},
          {"recomputed_multiply_adds", training.recomputed_multiply_adds}};
}

bool holds_list_of_objects(const Json& json) {
  if (!json.is_structured()) return false;
  for (const Json& element : json) {
    if (element.is_array() && !element.empty() && element.front().is_object()) return true;
  }
  return false;
}

// One line for each tensor, buffer and call, so that a plan can be read and compared line by line.
void write(const Json& json, const std::string& indent, std::string& text) {
  const bool list = json.is_array() && !json.empty() && json.front().is_object();
  if (!list && !holds_list_of_objects(json)) {
    text += json.dump();
    return;
  }
  const std::string inner = indent + " ";
  text += list ? "[" : "{";
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    text += (first ? "\n" : ",\n") + inner;
    if (!list) text += Json(key).dump() + ": ";
    write(value, inner, text);
    first = false;
  }
  text += "\n" + indent + (list ? "]" : "}");
}

}  // namespace

nlohmann::ordered_json to_json(const Plan& plan) {
  Json choices = Json::object();
  for (const auto& [name, value] : plan.choices) choices[name] = value;
  Json json = {{"name", plan.name},
               {"generator_version", plan.generator_version},
               {"model_hash", plan.model_hash},
               {"model", to_json(plan.model)},
               {"deployment", to_json(plan.deployment)},
               {"weight_type", name_of(plan.weight_type)},
               {"choices", std::move(choices)},
               {"cost", json_of(plan.cost)},
               {"checkpoint", json_of(plan.checkpoint)},
               {"weight_bytes", plan.weight_bytes},
               {"weights", json_of(plan.weights)},
               {"state_floats", plan.state_floats},
               {"state", json_of(plan.state)},
               {"workspace_floats", plan.workspace_floats},
               {"programs", json_of(plan.programs)}};
  if (plan.training) json["training"] = json_of(*plan.training);
  return json;
}

std::string to_text(const Plan& plan) {
  Json json = {{"hash", plan.hash}};
  json.update(to_json(plan));
  std::string text;
  write(json, "", text);
  return text + "\n";
}

}  // namespace mambac
