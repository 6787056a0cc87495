#include "generator/emit/emit_cuda_programs.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/emit/call_text.h"
#include "generator/emit/emit_programs.h"
#include "generator/error.h"

namespace mambac {
namespace {

const std::string& text_of(Count count, const CountTexts& counts) {
  return count == Count::rows ? counts.rows : count == Count::sequences ? counts.sequences : counts.tokens;
}

bool is_number(const std::string& text) { return text.find_first_not_of("0123456789") == text.npos; }

// "dim3(48, (rows + 7) / 8)"
std::string grid_text(const Launch& launch, const CountTexts& counts) {
  if (launch.per_block == 0) return fmt::format("dim3({})", launch.blocks);
  std::string text = text_of(launch.count, counts);
  if (launch.count == Count::tokens && is_number(text)) {
    return fmt::format("dim3({}, {})", launch.blocks,
                       std::stoll(counts.sequences) * divide_up(std::stoll(text), launch.per_block));
  }
  if (launch.count == Count::tokens && counts.sequences != "1") {
    return fmt::format("dim3({}, {} * (({} + {}) / {}))", launch.blocks, counts.sequences, text, launch.per_block - 1,
                       launch.per_block);
  }
  if (is_number(text)) {
    text = std::to_string((std::stoll(text) + launch.per_block - 1) / launch.per_block);
  } else if (launch.per_block > 1) {
    text = fmt::format("({} + {}) / {}", text, launch.per_block - 1, launch.per_block);
  }
  return fmt::format("dim3({}, {})", launch.blocks, text);
}

// The launches one below the other, a comment with the formula above each.
std::string emit_launches(const Plan& plan, const Program& program, const std::vector<Call>& calls,
                          const Kernels& kernels, const CountTexts& counts) {
  std::string text;
  int64_t layer = -1;
  for (const Call& call : calls) {
    if (call.layer != layer && call.layer >= 0) text += fmt::format("\n  // Layer {}.\n", call.layer);
    if (call.layer < 0 && layer >= 0) text += "\n";
    layer = call.layer;
    if (!call.launch) fail(ExitCode::internal, "{} of {} has no launch", call.kernel, program.name);
    std::vector<std::string> arguments = {kernels.name(call), grid_text(*call.launch, counts),
                                          std::to_string(call.launch->threads),
                                          std::to_string(call.launch->shared_bytes)};
    for (const auto& [name, argument] : call.arguments) {
      arguments.push_back(argument_text(plan, program, argument, counts));
    }
    const char* how = call.launch->cooperative ? ".cooperative" : call.launch->overlapping ? ".overlapping" : "";
    text += fmt::format("  // {}\n  launch{}({});\n", call.about, how, fmt::join(arguments, ", "));
  }
  return text;
}

std::vector<Call> all_calls(const Program& program) {
  std::vector<Call> calls = program.calls;
  calls.insert(calls.end(), program.outputs_all.begin(), program.outputs_all.end());
  calls.insert(calls.end(), program.outputs_last.begin(), program.outputs_last.end());
  return calls;
}

// The last token goes to where decode reads it; from then on the device alone knows the tokens.
std::string emit_generate(const Plan& plan, const Program& program, const Kernels& kernels) {
  return fmt::format(
      "{}  Launcher launch(stream);\n"
      "  launch.copy(control, token, sizeof(int32_t));\n"
      "  launch.clear(control + 1, sizeof(int32_t));\n"
      "  for (int index = 0; index < count; ++index) {{\n{}  }}\n"
      "  return launch.status();\n",
      emit_buffers(program, program.calls), emit_launches(plan, program, program.calls, kernels, {"1", "1", "1"}));
}

// What a program takes between its activations and its stream.
std::string parameters_of(const Plan& plan, const Program& program) {
  const std::string input = input_declaration(plan);
  if (program.name == "generate") {
    return "const int32_t* token, long position, const mambac_sampling& sampling, unsigned char* marks, int count, "
           "int32_t* tokens";
  }
  if (program.name == "step") return input + ", float* output";
  return fmt::format("{}, int count, {}float* output", input, program.name == "steps" ? "" : "int outputs, ");
}

std::string about(const Program& program) {
  if (program.name == "step") return "one token";
  if (program.name == "steps") return "tokens one after the other";
  return program.name == "generate" ? "tokens that the model chooses" : "a block of tokens";
}

std::string emit_body(const Plan& plan, const Program& program, const Kernels& kernels) {
  if (program.name == "generate") return emit_generate(plan, program, kernels);
  const std::string sequences = std::to_string(program.sequences);
  std::string text = emit_buffers(program, all_calls(program)) + "  Launcher launch(stream);\n\n";
  if (program.name == "steps" && program.calls.empty()) {
    const int64_t width = std::max<int64_t>(plan.model.input_size, 1);
    return fmt::format(
        "  for (long token = 0; token < count; ++token) {{\n"
        "    const int status = step(weights, state, activations, {0} + token * {1}, output + token * {2}, stream);\n"
        "    if (status != MAMBAC_OK) return status;\n"
        "  }}\n"
        "  return MAMBAC_OK;\n",
        input_name(plan), plan.deployment.batch * width, plan.deployment.batch * plan.model.outputs());
  }
  if (program.name == "steps") {
    return text + emit_launches(plan, program, all_calls(program), kernels, {"count", "1", "count"}) +
           "  return launch.status();\n";
  }
  if (program.name == "step") {
    return text + emit_launches(plan, program, all_calls(program), kernels, {sequences, sequences, "1"}) +
           "  return launch.status();\n";
  }
  const bool several = program.sequences > 1;
  const CountTexts counts{several ? "rows" : "count", sequences, "count"};
  if (several) text = fmt::format("  const int rows = {} * count;\n", sequences) + text;
  return text + emit_launches(plan, program, program.calls, kernels, counts) + "\n  if (outputs == MAMBAC_ALL) {\n" +
         emit_launches(plan, program, program.outputs_all, kernels, counts) + "} else {\n" +
         emit_launches(plan, program, program.outputs_last, kernels, counts) + "}\n  return launch.status();\n";
}

}  // namespace

std::string cuda_program_declaration(const Plan& plan, const Program& program) {
  return fmt::format("int {}(const unsigned char* weights, float* state, float* activations, {}, cudaStream_t stream)",
                     program.name, parameters_of(plan, program));
}

std::string emit_cuda_program(const Plan& plan, const Program& program, const Kernels& kernels) {
  const std::string sequences =
      plan.deployment.batch == 1 ? "" : fmt::format(" of each of {} sequences", plan.deployment.batch);
  return fmt::format(
      "// {0}: {4}{5}.\n"
      "// Written by mambac {1} for plan {2}; do not edit.\n"
      "#include \"runtime/cuda_launch.h\"\n"
      "#include \"{0}_kernels.h\"\n"
      "#include \"{0}_programs.h\"\n\n"
      "namespace {0}_runtime {{\n\n"
      "{3} {{\n{6}}}\n\n"
      "}}  // namespace {0}_runtime\n",
      plan.name, plan.generator_version, plan.hash.substr(0, 16), cuda_program_declaration(plan, program),
      about(program), sequences, emit_body(plan, program, kernels));
}

}  // namespace mambac
