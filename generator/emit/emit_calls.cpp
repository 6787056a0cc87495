#include "generator/emit/emit_calls.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/emit/meeting_points.h"

namespace mambac {
namespace {

// Whether threads share the call's work.
bool is_shared(const Call& call) {
  return std::any_of(call.arguments.begin(), call.arguments.end(),
                     [](const auto& argument) { return std::holds_alternative<Part>(argument.second); });
}

}  // namespace

bool is_threaded(const Plan& plan) { return plan.deployment.threads > 1; }

std::string emit_calls(const Plan& plan, const Program& program, const std::vector<Call>& calls,
                       const Kernels& kernels, const CountTexts& counts, const std::string& before_layer) {
  std::string text;
  int64_t layer = -1;
  const bool threaded = is_threaded(plan) && std::ranges::any_of(calls, is_shared);
  const std::string meeting = "  workers.synchronize();\n";
  MeetingPoints meetings(plan, program);
  for (const Call& call : calls) {
    if (threaded && meetings.needed_before(call)) {
      text += meeting;
      meetings.meet();
    }
    meetings.add(call);
    if (call.layer != layer && call.layer >= 0) text += fmt::format("\n  // Layer {}.\n{}", call.layer, before_layer);
    if (call.layer < 0 && layer >= 0) text += "\n";
    layer = call.layer;
    std::vector<std::string> arguments;
    for (size_t index = 0; index < call.arguments.size(); ++index) {
      if (!kernels.takes(call, index)) continue;
      arguments.push_back(argument_text(plan, program, call.arguments[index].second, counts));
    }
    text += fmt::format("  // {}\n", call.about);
    text += fmt::format("  {}({});\n", kernels.name(call), fmt::join(arguments, ", "));
  }
  if (threaded && meetings.anything_since()) text += meeting;
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
