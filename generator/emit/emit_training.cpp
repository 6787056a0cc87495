#include "generator/emit/emit_training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "generator/emit/emit_calls.h"
#include "generator/emit/program_function.h"

namespace mambac {
namespace {

Variables train_parameters(const Plan& plan) {
  return {{"const unsigned char*", "weights"},
          {"float*", "state"},
          {"Workspace&", "workspace"},
          {"float*", "tape"},
          input_variable(plan),
          {"int", "count"},
          {"float*", "output"}};
}

Variables backward_parameters() {
  return {{"const unsigned char*", "weights"},
          {"Workspace&", "workspace"},
          {"const float*", "tape"},
          {"int", "count"},
          {"const float*", "d_outputs"},
          {"const float*", "d_state_out"},
          {"float*", "gradients"},
          {"float*", "d_state_in"},
          {"float*", "d_inputs"}};
}

// Statements that one part alone runs, and whose results every part sees.
std::string by_one_part(const Plan& plan, const std::string& statements) {
  if (!is_threaded(plan)) return statements;
  return "  if (part == 0) {\n" + statements + "  }\n  workers.synchronize();\n";
}

std::string rows_of(const Plan& plan) {
  return plan.training->sequences == 1 ? "count" : fmt::format("{} * count", plan.training->sequences);
}

CountTexts counts_of(const Plan& plan) { return {"rows", std::to_string(plan.training->sequences), "count"}; }

int64_t input_width(const Plan& plan) { return std::max<int64_t>(plan.model.input_size, 1); }

// A program whose `body` takes some sequences through all layers: as it is, or in a function of its own that is called
// for one group of them after the other. `offsets`: where a group's part of a parameter begins.
std::string emit_groups(const Plan& plan, const std::string& name, const Variables& parameters,
                        const std::map<std::string, std::string>& offsets, const std::string& body) {
  const int64_t groups = plan.training_groups();
  if (groups == 1) return emit_function(plan, name, parameters, "of a " + name, body);
  Variables of_group;
  std::string arguments;
  for (const auto& [type, parameter] : parameters) {
    const bool workspace = parameter == "workspace";
    of_group.push_back(workspace ? Variable{"float*", "activations"} : Variable{type, parameter});
    arguments += arguments.empty() ? "" : ", ";
    arguments += offsets.contains(parameter) ? offsets.at(parameter) : workspace ? "activations" : parameter;
  }
  return fmt::format(
             "\nnamespace {{\n\n// {} of a {}: so few that their activations stay in the near caches.\n"
             "void {}_sequences({}{}) {{\n{}}}\n\n}}  // namespace\n",
             plan.training->sequences == 1 ? "The tokens of one sequence"
                                           : fmt::format("{} sequences", plan.training->sequences),
             name, name, declarations(of_group), thread_parameters(plan), body) +
         emit_function(plan, name, parameters, "of a " + name,
                       fmt::format("  for (long group = 0; group < {}; ++group) {{\n    {}_sequences({}{});\n  }}\n",
                                   groups, name, arguments, thread_arguments(plan)));
}

// "tape + group * 4096", and for a pointer that may be null the same with a question before it.
std::string of_group(const std::string& parameter, int64_t floats) {
  return fmt::format("{} + group * {}", parameter, floats);
}
std::string of_group_or_null(const std::string& parameter, const std::string& offset) {
  return fmt::format("{0} ? {0} + group * {1} : nullptr", parameter, offset);
}

// How the tape is divided, for people.
std::string tape_map(const Plan& plan) {
  std::string text = "\n// The tape, in floats behind its header";
  if (plan.training_groups() > 1) {
    text += plan.training->sequences == 1
                ? fmt::format(", of a sequence; the next one from {} on", plan.training->tape_floats)
                : fmt::format(", of {0} sequences; the next {0} from {1} on", plan.training->sequences,
                              plan.training->tape_floats);
  }
  text += ":\n";
  for (const TapeTensor& tensor : plan.training->tape) {
    text += fmt::format("//   {:>10}  {} ({}, {})\n", tensor.offset, tensor.name, tensor.rows, tensor.row_stride);
  }
  return text;
}

}  // namespace

std::string emit_train(const Plan& plan, const Program& program, const Kernels& kernels) {
  const std::string input = input_name(plan);
  const int64_t sequences = plan.training->sequences;
  std::string body =
      fmt::format("  const int rows = {};\n", rows_of(plan)) + emit_buffers(program, program.calls) + "\n";
  body += "  // The inputs go on the tape too.\n";
  body += by_one_part(plan, fmt::format("  __builtin_memcpy(tape, {}, rows * {}sizeof(float));\n", input,
                                        input_width(plan) == 1 ? "" : fmt::format("{}L * ", input_width(plan))));
  body += emit_calls(plan, program, program.calls, kernels, counts_of(plan));
  return file_head(plan, fmt::format("up to {} tokens of each sequence, keeping on the tape what backward needs.",
                                     plan.deployment.train_tokens)) +
         tape_map(plan) +
         emit_groups(plan, "train", train_parameters(plan),
                     {{"state", of_group("state", sequences * plan.state_floats)},
                      {"tape", of_group("tape", plan.training->tape_floats)},
                      {input, fmt::format("{} + group * {} * count", input, sequences * input_width(plan))},
                      {"output", fmt::format("output + group * {} * count", sequences * plan.model.outputs())}},
                     body) +
         file_tail(plan);
}

std::string emit_backward(const Plan& plan, const Program& program, const Kernels& kernels) {
  const std::string input = input_name(plan);
  const bool continuous = plan.model.continuous();
  const int64_t sequences = plan.training->sequences, state_floats = sequences * plan.state_floats;
  // The gradient of what entered the layers first: of continuous input, or of the embedded tokens.
  const std::string d_first = continuous ? "d_input" : "d_residual";
  const int64_t width = continuous ? plan.model.input_size : plan.model.model_size;
  std::string body = fmt::format("  const int rows = {};\n", rows_of(plan));
  body += continuous ? "  const float* const input = tape;\n"
                     : "  const int32_t* const tokens = reinterpret_cast<const int32_t*>(tape);\n";
  body += emit_buffers(program, program.calls) + "\n";
  body += by_one_part(plan, fmt::format("  if (d_state_out) {{\n"
                                        "    __builtin_memcpy(d_state, d_state_out, {0}L * sizeof(float));\n"
                                        "  }} else {{\n"
                                        "    __builtin_memset(d_state, 0, {0}L * sizeof(float));\n"
                                        "  }}\n",
                                        state_floats));
  body += emit_calls(plan, program, program.calls, kernels, counts_of(plan));
  body += "\n" + by_one_part(
                     plan, fmt::format("  if (d_state_in) __builtin_memcpy(d_state_in, d_state, {}L * sizeof(float));\n"
                                       "  for (long row = 0; d_inputs && row < rows; ++row) {{\n"
                                       "    __builtin_memcpy(d_inputs + row * {}, {} + row * {}, {} * sizeof(float));\n"
                                       "  }}\n",
                                       state_floats, width, d_first, program.buffer(d_first).row_stride, width));
  return file_head(plan, "the gradients, from the tape of one train.") +
         emit_groups(plan, "backward", backward_parameters(),
                     {{"tape", of_group("tape", plan.training->tape_floats)},
                      {"d_outputs", fmt::format("d_outputs + group * {} * count", sequences * plan.model.outputs())},
                      {"d_state_out", of_group_or_null("d_state_out", std::to_string(state_floats))},
                      {"d_state_in", of_group_or_null("d_state_in", std::to_string(state_floats))},
                      {"d_inputs", of_group_or_null("d_inputs", fmt::format("{} * count", sequences * width))}},
                     body) +
         file_tail(plan);
}

std::string emit_packing(const Plan& plan, const Program& program, const Kernels& kernels) {
  const bool pack = program.name == "weights_pack";
  return file_head(plan, pack ? "parameters into the layout of the weights."
                              : "weights back into the layout of the parameters.") +
         fmt::format("\nvoid {}({}) {{\n", program.name,
                     pack ? "const float* parameters, unsigned char* packed"
                          : "const unsigned char* packed, float* parameters") +
         emit_calls(plan, program, program.calls, kernels, {}) + "}\n" + file_tail(plan);
}

std::string training_programs(const Plan& plan) {
  return fmt::format(
      "\n// `tape`: behind its header. `state` and its gradients: floats of the first sequence, as above.\n"
      "void train({});\n"
      "void backward({});\n\n"
      "inline float* f32(unsigned char* packed, long offset) {{ return reinterpret_cast<float*>(packed + offset); "
      "}}\n\n"
      "// Between the parameters, in the layout of the header's table, and the data of a weights file.\n"
      "void weights_pack(const float* parameters, unsigned char* packed);\n"
      "void weights_unpack(const unsigned char* packed, float* parameters);\n",
      declarations(train_parameters(plan)), declarations(backward_parameters()));
}

std::string parameter_table(const Plan& plan) {
  std::string text;
  for (const Parameter& parameter : plan.training->parameters) {
    text += fmt::format("    {{\"{}\", {}, {{{}}}, {}, {}}},\n", parameter.name, parameter.shape.size(),
                        fmt::join(parameter.shape, ", "), parameter.offset, parameter.weight_decay ? 1 : 0);
  }
  return text;
}

}  // namespace mambac
