#include "generator/emit/call_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mambac {
namespace {

std::string float_literal(double value) {
  if (std::isinf(value)) return value > 0 ? "__builtin_inff()" : "-__builtin_inff()";
  const std::string text = fmt::format("{}", value);
  return text + (text.find_first_of(".e") == std::string::npos ? ".0f" : "f");
}

std::string plus(const std::string& pointer, int64_t offset) {
  return offset == 0 ? pointer : fmt::format("{} + {}", pointer, offset);
}

std::string text_of(const Plan& plan, const Program& program, const Operand& operand, const CountTexts& counts) {
  switch (operand.space) {
    case Space::weights: {
      if (operand.name.empty()) return "weights";
      return fmt::format("{}(weights, {})", name_of(plan.weight(operand.name).type), operand.offset);
    }
    case Space::state:
      return plus("state", operand.offset);
    case Space::workspace: {
      std::string text = plus(operand.name, operand.offset - program.buffer(operand.name).offset);
      if (operand.last_row_only) text += fmt::format(" + ({} - 1) * {}", counts.tokens, operand.row_stride);
      return text;
    }
    case Space::tokens:
      return "tokens";
    case Space::input:
      return "input";
    case Space::output:
      return "output";
    case Space::tape:
      return plus("tape", operand.offset);
    case Space::d_outputs:
      return "d_outputs";
    case Space::gradients:
      return plus("gradients", operand.offset);
    case Space::parameters:
      return plus("parameters", operand.offset);
    case Space::packed:
      return fmt::format("f32(packed, {})", operand.offset);
  }
  return "";
}

}  // namespace

std::string argument_text(const Plan& plan, const Program& program, const Argument& argument,
                          const CountTexts& counts) {
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
    std::string operator()(Part) const { return "part"; }
    std::string operator()(const Given& given) const { return given.text; }
  };
  return std::visit(Visitor{plan, program, counts}, argument);
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
    const std::string place = plus("activations", buffer.offset);
    const std::string pointer =
        buffer.type == "float" ? place : fmt::format("reinterpret_cast<{}*>({})", buffer.type, place);
    text += fmt::format("  {}* const {} = {};  // ({}, {})\n", buffer.type, buffer.name, pointer, buffer.rows,
                        buffer.row_stride);
  }
  return text;
}

std::string input_name(const Plan& plan) { return plan.model.continuous() ? "input" : "tokens"; }

std::string input_declaration(const Plan& plan) {
  return plan.model.continuous() ? "const float* input" : "const int32_t* tokens";
}

}  // namespace mambac
