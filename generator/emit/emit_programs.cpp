#include "generator/emit/emit_programs.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/emit/emit_calls.h"
#include "generator/emit/emit_training.h"
#include "generator/error.h"

namespace mambac {
namespace {

// What a program's file says of the batch.
std::string of_each_sequence(const Plan& plan) {
  return plan.deployment.batch == 1 ? "" : fmt::format(" of each of {} sequences", plan.deployment.batch);
}

// With workers, the public function hands its arguments to every part.
std::string emit_threaded_entry(const std::string& name, const std::string& parameters, const std::string& fields,
                                const std::string& values, const std::string& unpacked) {
  return fmt::format(
      "\nnamespace {{\n\n"
      "struct {0}_arguments {{\n{1}}};\n\n"
      "void {0}_entry(void* argument, int part) {{\n"
      "  const auto& call = *static_cast<const {0}_arguments*>(argument);\n"
      "  {0}_part({2}, call.workspace->workers, part);\n"
      "}}\n\n"
      "}}  // namespace\n\n"
      "void {0}({3}) {{\n"
      "  {0}_arguments call = {{{4}}};\n"
      "  workspace.workers.run({0}_entry, &call);\n"
      "}}\n",
      name, fields, unpacked, parameters, values);
}

std::string emit_step(const Plan& plan, const Program& program, const KernelNames& names) {
  std::vector<Call> calls = program.calls;
  calls.insert(calls.end(), program.outputs_all.begin(), program.outputs_all.end());
  const std::string sequences = std::to_string(program.sequences);
  const CountTexts counts{sequences, sequences, "1"};
  const std::string input = input_name(plan);
  std::string text = file_head(plan, "one token" + of_each_sequence(plan) + ".");
  if (is_threaded(plan)) {
    text += fmt::format(
        "\nnamespace {{\n\n"
        "// Part `part` of {} of a step; the parts meet after every call.\n"
        "void step_part(const unsigned char* weights, float* state, float* activations, {}, float* output{}) {{\n",
        plan.deployment.threads, input_declaration(plan), thread_parameters(plan));
  } else {
    text += fmt::format(
        "\nvoid step(const unsigned char* weights, float* state, Workspace& workspace, {}, float* output) {{\n"
        "  float* const activations = workspace.activations;\n",
        input_declaration(plan));
  }
  text += emit_buffers(program, calls) + "\n" + emit_calls(plan, program, calls, names, counts) + "}\n";
  if (is_threaded(plan)) {
    text += "\n}  // namespace\n";
    text += emit_threaded_entry(
        "step",
        fmt::format("const unsigned char* weights, float* state, Workspace& workspace, {}, float* output",
                    input_declaration(plan)),
        fmt::format(
            "  const unsigned char* weights;\n  float* state;\n  Workspace* workspace;\n  {};\n  float* output;\n",
            input_declaration(plan)),
        fmt::format("weights, state, &workspace, {}, output", input),
        fmt::format("call.weights, call.state, call.workspace->activations, call.{}, call.output", input));
  }
  return text + file_tail(plan);
}

// A function that runs some of forward's calls on a block of rows.
std::string emit_block_function(const Plan& plan, const Program& program, const std::vector<Call>& calls,
                                const std::string& about, const std::string& name, const std::string& parameters,
                                const KernelNames& names) {
  const CountTexts counts{"rows", "1", "rows"};
  return fmt::format("\n// {}\nvoid {}({}{}) {{\n", about, name, parameters, thread_parameters(plan)) +
         emit_buffers(program, calls) + "\n" + emit_calls(plan, program, calls, names, counts) + "}\n";
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

std::string emit_forward(const Plan& plan, const Program& program, const KernelNames& names) {
  const std::string input = input_name(plan), declaration = input_declaration(plan);
  std::string text = file_head(plan, "a block of tokens" + of_each_sequence(plan) + ".");
  text += "\nnamespace {\n";
  text += emit_block_function(
      plan, program, program.calls,
      fmt::format("`rows` tokens of one sequence, at most {}, through all layers.", program.block_tokens),
      "forward_block",
      fmt::format("const unsigned char* weights, float* state, float* activations, {}, int rows", declaration), names);
  const std::string output_parameters = "const unsigned char* weights, float* activations, int rows, float* output";
  text += emit_block_function(plan, program, program.outputs_all, "The outputs of every token of a block.",
                              "forward_outputs_all", output_parameters, names);
  text += emit_block_function(plan, program, program.outputs_last, "The output of a block's last token.",
                              "forward_outputs_last", output_parameters, names);
  const std::string parameters = fmt::format(
      "const unsigned char* weights, float* state, Workspace& workspace, {}, int count, int outputs,\n"
      "    float* output",
      declaration);
  if (is_threaded(plan)) {
    text += fmt::format(
        "\n// Part `part` of {} of a forward; the parts meet after every call.\n"
        "void forward_part(const unsigned char* weights, float* state, float* activations, {}, int count, int "
        "outputs,\n"
        "    float* output{}) {{\n",
        plan.deployment.threads, declaration, thread_parameters(plan));
  } else {
    text += fmt::format(
        "\n}}  // namespace\n\nvoid forward({}) {{\n  float* const activations = workspace.activations;\n", parameters);
  }
  text += emit_blocks(plan, program) + "}\n";
  if (is_threaded(plan)) {
    text += "\n}  // namespace\n";
    text += emit_threaded_entry(
        "forward", parameters,
        fmt::format("  const unsigned char* weights;\n  float* state;\n  Workspace* workspace;\n  {};\n  int count;\n"
                    "  int outputs;\n  float* output;\n",
                    declaration),
        fmt::format("weights, state, &workspace, {}, count, outputs, output", input),
        fmt::format("call.weights, call.state, call.workspace->activations, call.{}, call.count, call.outputs,\n"
                    "      call.output",
                    input));
  }
  return text + file_tail(plan);
}

}  // namespace

std::string emit_program(const Plan& plan, const Program& program, const KernelNames& names) {
  if (program.name == "step") return emit_step(plan, program, names);
  if (program.name == "forward") return emit_forward(plan, program, names);
  if (program.name == "train") return emit_train(plan, program, names);
  if (program.name == "backward") return emit_backward(plan, program, names);
  if (program.name == "weights_pack" || program.name == "weights_unpack") return emit_packing(plan, program, names);
  fail(ExitCode::internal, "there is no emitter for program '{}'", program.name);
}

}  // namespace mambac
