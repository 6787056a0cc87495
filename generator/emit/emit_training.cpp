#include "generator/emit/emit_training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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
  return plan.deployment.batch == 1 ? "count" : fmt::format("{} * count", plan.deployment.batch);
}

CountTexts counts_of(const Plan& plan) { return {"rows", std::to_string(plan.deployment.batch), "count"}; }

int64_t input_width(const Plan& plan) { return std::max<int64_t>(plan.model.input_size, 1); }

// How the tape is divided, for people.
std::string tape_map(const Plan& plan) {
  std::string text = "\n// The tape, in floats behind its header:\n";
  for (const TapeTensor& tensor : plan.training->tape) {
    text += fmt::format("//   {:>10}  {} ({}, {})\n", tensor.offset, tensor.name, tensor.rows, tensor.row_stride);
  }
  return text;
}

}  // namespace

std::string emit_train(const Plan& plan, const Program& program, const Kernels& kernels) {
  const std::string input = input_name(plan);
  std::string body =
      fmt::format("  const int rows = {};\n", rows_of(plan)) + emit_buffers(program, program.calls) + "\n";
  body += "  // The inputs go on the tape too.\n";
  body += by_one_part(
      plan, fmt::format("  __builtin_memcpy(tape, {}, rows * {}L * sizeof(float));\n", input, input_width(plan)));
  body += emit_calls(plan, program, program.calls, kernels, counts_of(plan));
  return file_head(plan, fmt::format("up to {} tokens of each sequence, keeping on the tape what backward needs.",
                                     plan.deployment.train_tokens)) +
         tape_map(plan) + emit_function(plan, "train", train_parameters(plan), "of a train", body) + file_tail(plan);
}

std::string emit_backward(const Plan& plan, const Program& program, const Kernels& kernels) {
  const std::string input = input_name(plan);
  const bool continuous = plan.model.continuous();
  const int64_t state_floats = plan.deployment.batch * plan.state_floats;
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
         emit_function(plan, "backward", backward_parameters(), "of a backward", body) + file_tail(plan);
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
