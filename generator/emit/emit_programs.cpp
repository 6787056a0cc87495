#include "generator/emit/emit_programs.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/emit/emit_calls.h"
#include "generator/emit/emit_training.h"
#include "generator/emit/program_function.h"
#include "generator/error.h"

namespace mambac {
namespace {

// What a program's file says of the batch.
std::string of_each_sequence(const Plan& plan) {
  return plan.deployment.batch == 1 ? "" : fmt::format(" of each of {} sequences", plan.deployment.batch);
}

std::string emit_step(const Plan& plan, const Program& program, const Kernels& kernels) {
  std::vector<Call> calls = program.calls;
  calls.insert(calls.end(), program.outputs_all.begin(), program.outputs_all.end());
  const std::string sequences = std::to_string(program.sequences);
  const Variables parameters = {{"const unsigned char*", "weights"},
                                {"float*", "state"},
                                {"Workspace&", "workspace"},
                                input_variable(plan),
                                {"float*", "output"}};
  return file_head(plan, "one token" + of_each_sequence(plan) + ".") +
         emit_function(plan, "step", parameters, "of a step",
                       emit_buffers(program, calls) + "\n" +
                           emit_calls(plan, program, calls, kernels, {sequences, sequences, "1"})) +
         file_tail(plan);
}

// A function that runs some of forward's calls on a block of rows.
std::string emit_block_function(const Plan& plan, const Program& program, const std::vector<Call>& calls,
                                const std::string& about, const std::string& name, const std::string& parameters,
                                const Kernels& kernels) {
  const CountTexts counts{"rows", "1", "rows"};
  return fmt::format("\n// {}\nvoid {}({}{}) {{\n", about, name, parameters, thread_parameters(plan)) +
         emit_buffers(program, calls) + "\n" + emit_calls(plan, program, calls, kernels, counts) + "}\n";
}

// The loops of forward: over the sequences, if there are several, and the blocks of tokens.
std::string emit_blocks(const Plan& plan, const Program& program) {
  const bool several = plan.deployment.batch > 1;
  const auto times = [](const std::string& index, int64_t width) {
    if (width == 1) return index;
    const bool one_word = index.find(' ') == std::string::npos;
    return fmt::format("{} * {}", one_word ? index : "(" + index + ")", width);
  };
  const std::string token = several ? "sequence * count + first" : "first";
  const int64_t input_width = std::max<int64_t>(plan.model.input_size, 1), outputs = plan.model.outputs();
  const std::string blocks = fmt::format(
      "int rows = 0;\n"
      "for (long first = 0; first < count; first += {block}) {{\n"
      "  rows = count - first < {block} ? static_cast<int>(count - first) : {block};\n"
      "  forward_block(weights, {state}, activations, {input} + {input_offset}, rows{threads});\n"
      "  if (outputs == MAMBAC_ALL) {{\n"
      "    forward_outputs_all(weights, activations, rows, output + {output_offset}{threads});\n"
      "  }}\n"
      "}}\n"
      "if (outputs == MAMBAC_LAST) forward_outputs_last(weights, activations, rows, {last}{threads});\n",
      fmt::arg("block", program.block_tokens),
      fmt::arg("state", several ? fmt::format("state + sequence * {}", plan.state_floats) : "state"),
      fmt::arg("input", input_name(plan)), fmt::arg("input_offset", times(token, input_width)),
      fmt::arg("output_offset", times(token, outputs)),
      fmt::arg("last", several ? fmt::format("output + sequence * {}", outputs) : "output"),
      fmt::arg("threads", thread_arguments(plan)));
  if (!several) return blocks;
  return fmt::format("for (long sequence = 0; sequence < {}; ++sequence) {{\n{}}}\n", plan.deployment.batch, blocks);
}

std::string emit_forward(const Plan& plan, const Program& program, const Kernels& kernels) {
  const std::string declaration = input_declaration(plan);
  std::string text = file_head(plan, "a block of tokens" + of_each_sequence(plan) + ".");
  text += "\nnamespace {\n";
  text += emit_block_function(
      plan, program, program.calls,
      fmt::format("`rows` tokens of one sequence, at most {}, through all layers.", program.block_tokens),
      "forward_block",
      fmt::format("const unsigned char* weights, float* state, float* activations, {}, int rows", declaration), kernels);
  const std::string output_parameters = "const unsigned char* weights, float* activations, int rows, float* output";
  text += emit_block_function(plan, program, program.outputs_all, "The outputs of every token of a block.",
                              "forward_outputs_all", output_parameters, kernels);
  text += emit_block_function(plan, program, program.outputs_last, "The output of a block's last token.",
                              "forward_outputs_last", output_parameters, kernels);
  const Variables parameters = {{"const unsigned char*", "weights"},
                                {"float*", "state"},
                                {"Workspace&", "workspace"},
                                input_variable(plan),
                                {"int", "count"},
                                {"int", "outputs"},
                                {"float*", "output"}};
  return text + "\n}  // namespace\n" +
         emit_function(plan, "forward", parameters, "of a forward", emit_blocks(plan, program)) + file_tail(plan);
}

}  // namespace

std::string emit_program(const Plan& plan, const Program& program, const Kernels& kernels) {
  if (program.name == "step") return emit_step(plan, program, kernels);
  if (program.name == "forward") return emit_forward(plan, program, kernels);
  if (program.name == "train") return emit_train(plan, program, kernels);
  if (program.name == "backward") return emit_backward(plan, program, kernels);
  if (program.name == "weights_pack" || program.name == "weights_unpack") return emit_packing(plan, program, kernels);
  fail(ExitCode::internal, "there is no emitter for program '{}'", program.name);
}

}  // namespace mambac
