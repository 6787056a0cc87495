#include "generator/emit/emit_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mambac {
namespace {

std::string plus(const std::string& pointer, int64_t offset) {
  return offset == 0 ? pointer : fmt::format("{} + {}", pointer, offset);
}

std::string float_literal(double value) {
  if (std::isinf(value)) return value > 0 ? "__builtin_inff()" : "-__builtin_inff()";
  const std::string text = fmt::format("{}", value);
  return text + (text.find_first_of(".e") == std::string::npos ? ".0f" : "f");
}

std::string text_of(const Plan& plan, const Program& program, const Operand& operand, const CountTexts& counts) {
  switch (operand.space) {
    case Space::weights: {
      const bool f32 = plan.weight(operand.name).type == WeightType::f32;
      return fmt::format("{}(weights, {})", f32 ? "f32" : "bf16", operand.offset);
    }
    case Space::state:
      return plus("state", operand.offset);
    case Space::workspace: {
      const auto buffer = std::find_if(program.buffers.begin(), program.buffers.end(),
                                       [&](const WorkspaceBuffer& one) { return one.name == operand.name; });
      std::string text = plus(operand.name, operand.offset - buffer->offset);
      if (operand.last_row_only) text += fmt::format(" + ({} - 1) * {}", counts.rows, operand.row_stride);
      return text;
    }
    case Space::tokens:
      return "tokens";
    case Space::input:
      return "input";
    case Space::output:
      return "output";
  }
  return "";
}

std::string text_of(const Plan& plan, const Program& program, const Argument& argument, const CountTexts& counts) {
  struct Visitor {
    const Plan& plan;
    const Program& program;
    const CountTexts& counts;
    std::string operator()(const Operand& operand) const { return text_of(plan, program, operand, counts); }
    std::string operator()(NoOperand) const { return "nullptr"; }
    std::string operator()(double value) const { return float_literal(value); }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(Count count) const {
      return count == Count::rows ? counts.rows : count == Count::sequences ? counts.sequences : counts.tokens;
    }
    std::string operator()(Part) const { return is_threaded(plan) ? "part" : "0"; }
  };
  return std::visit(Visitor{plan, program, counts}, argument);
}

}  // namespace

bool is_threaded(const Plan& plan) { return plan.deployment.threads > 1; }

std::string emit_calls(const Plan& plan, const Program& program, const std::vector<Call>& calls,
                       const KernelNames& names, const CountTexts& counts, const std::string& before_layer) {
  std::string text;
  int64_t layer = -1;
  for (const Call& call : calls) {
    if (call.layer != layer && call.layer >= 0) text += fmt::format("\n  // Layer {}.\n{}", call.layer, before_layer);
    if (call.layer < 0 && layer >= 0) text += "\n";
    layer = call.layer;
    std::vector<std::string> arguments;
    for (const auto& [name, argument] : call.arguments) arguments.push_back(text_of(plan, program, argument, counts));
    text += fmt::format("  // {}\n", call.about);
    text += fmt::format("  {}({});\n", names.of(call), fmt::join(arguments, ", "));
    if (is_threaded(plan)) text += "  workers.synchronize();\n";
  }
  return text;
}

std::string emit_buffers(const Program& program, const std::vector<Call>& calls) {
  std::string text;
  for (const WorkspaceBuffer& buffer : program.buffers) {
    const bool named = std::any_of(calls.begin(), calls.end(), [&](const Call& call) {
      return std::any_of(call.arguments.begin(), call.arguments.end(), [&](const auto& argument) {
        const auto* operand = std::get_if<Operand>(&argument.second);
        return operand && operand->space == Space::workspace && operand->name == buffer.name;
      });
    });
    if (!named) continue;
    text += fmt::format("  float* const {} = {};  // ({}, {})\n", buffer.name, plus("activations", buffer.offset),
                        buffer.rows, buffer.row_stride);
  }
  return text;
}

std::string thread_parameters(const Plan& plan) {
  return is_threaded(plan) ? ", WorkspaceWorkers& workers, int part" : "";
}
std::string thread_arguments(const Plan& plan) { return is_threaded(plan) ? ", workers, part" : ""; }

std::string file_head(const Plan& plan, const std::string& about, const std::string& includes) {
  return fmt::format(
      "// {0}: {1}\n"
      "// Written by mambac {2} for plan {3}; do not edit.\n"
      "{4}#include \"{0}_kernels.h\"\n"
      "#include \"{0}_programs.h\"\n\n"
      "namespace {0}_runtime {{\n",
      plan.name, about, plan.generator_version, plan.hash.substr(0, 16), includes);
}

std::string file_tail(const Plan& plan) { return fmt::format("\n}}  // namespace {}_runtime\n", plan.name); }

}  // namespace mambac
