#include "generator/emit/program_function.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "generator/emit/emit_calls.h"

namespace mambac {
namespace {

// What hands the arguments to every part of the workers, and the function that they are given to.
std::string emit_threaded(const Plan& plan, const std::string& name, const Variables& parameters,
                          const std::string& of_what, const std::string& body) {
  Variables of_part;
  std::string fields, values, unpacked;
  for (const auto& [type, parameter] : parameters) {
    const bool workspace = parameter == "workspace";
    of_part.push_back(workspace ? Variable{"float*", "activations"} : Variable{type, parameter});
    fields += fmt::format("  {} {};\n", workspace ? "Workspace*" : type, parameter);
    values += fmt::format("{}{}{}", values.empty() ? "" : ", ", workspace ? "&" : "", parameter);
    unpacked += fmt::format("{}call.{}{}", unpacked.empty() ? "" : ", ", parameter, workspace ? "->activations" : "");
  }
  return fmt::format(
      "\nnamespace {{\n\n"
      "// Part `part` of {threads} {of_what}; they meet where one needs what another has made.\n"
      "void {name}_part({part_declarations}{thread_parameters}) {{\n{body}}}\n\n"
      "struct {name}_arguments {{\n{fields}}};\n\n"
      "void {name}_entry(void* argument, int part) {{\n"
      "  const auto& call = *static_cast<const {name}_arguments*>(argument);\n"
      "  {name}_part({unpacked}, call.workspace->workers, part);\n"
      "}}\n\n"
      "}}  // namespace\n\n"
      "void {name}({declarations}) {{\n"
      "  {name}_arguments call = {{{values}}};\n"
      "  workspace.workers.run({name}_entry, &call);\n"
      "}}\n",
      fmt::arg("threads", plan.deployment.threads), fmt::arg("of_what", of_what), fmt::arg("name", name),
      fmt::arg("part_declarations", declarations(of_part)), fmt::arg("thread_parameters", thread_parameters(plan)),
      fmt::arg("body", body), fmt::arg("fields", fields), fmt::arg("unpacked", unpacked),
      fmt::arg("declarations", declarations(parameters)), fmt::arg("values", values));
}

}  // namespace

std::string declarations(const Variables& parameters) {
  std::vector<std::string> texts;
  for (const auto& [type, name] : parameters) texts.push_back(type + " " + name);
  return fmt::format("{}", fmt::join(texts, ", "));
}

Variable input_variable(const Plan& plan) {
  return {plan.model.continuous() ? "const float*" : "const int32_t*", input_name(plan)};
}

std::string emit_function(const Plan& plan, const std::string& name, const Variables& parameters,
                          const std::string& of_what, const std::string& body) {
  if (is_threaded(plan)) return emit_threaded(plan, name, parameters, of_what, body);
  return fmt::format("\nvoid {}({}) {{\n  float* const activations = workspace.activations;\n{}}}\n", name,
                     declarations(parameters), body);
}

}  // namespace mambac
