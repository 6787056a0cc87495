#include "generator/emit/emit_step_until.h"

#include <fmt/format.h>

#include "generator/emit/emit_calls.h"
#include "generator/emit/emit_programs.h"

namespace mambac {
namespace {

// The step on the copy of the state. It may leave before its end, since nothing of it counts after the deadline.
std::string emit_layers(const Plan& plan, const Kernels& kernels) {
  const Program& program = plan.program("step");
  std::vector<Call> calls = program.calls;
  calls.insert(calls.end(), program.outputs_all.begin(), program.outputs_all.end());
  const std::string sequences = std::to_string(program.sequences);
  const std::string about =
      is_threaded(plan) ? fmt::format("Part `part` of {} of a step on a copy of the state", plan.deployment.threads)
                        : "A step on a copy of the state";
  const std::string leave =
      fmt::format("  if (deadline.passed({})) return;\n", is_threaded(plan) ? "workers, part" : "");
  return fmt::format(
             "\nnamespace {{\n\n"
             "// {}; leaves it half done when the deadline passes.\n"
             "void step_in_time(const unsigned char* weights, float* state, float* activations, {}, float* output,\n"
             "    {}Deadline& deadline{}) {{\n",
             about, input_declaration(plan), is_threaded(plan) ? "" : "const ", thread_parameters(plan)) +
         emit_buffers(program, calls) + "\n" +
         emit_calls(plan, program, calls, kernels, {sequences, sequences, "1"}, leave) + "}\n";
}

// How the workers come by their parts.
std::string emit_entry(const Plan& plan) {
  return fmt::format(
      "\nstruct step_until_arguments {{\n"
      "  const unsigned char* weights;\n  Workspace* workspace;\n  {};\n  float* output;\n  Deadline* "
      "deadline;\n}};\n\n"
      "void step_until_entry(void* argument, int part) {{\n"
      "  const auto& call = *static_cast<const step_until_arguments*>(argument);\n"
      "  step_in_time(call.weights, call.workspace->next_state, call.workspace->activations, call.{}, call.output,\n"
      "      *call.deadline, call.workspace->workers, part);\n"
      "}}\n",
      input_declaration(plan), input_name(plan));
}

}  // namespace

bool has_step_until(const Plan& plan) { return plan.deployment.target == "cpu" && plan.has_program("step"); }

int64_t next_state_bytes(const Plan& plan) {
  return plan.deployment.batch * plan.state_floats * static_cast<int64_t>(sizeof(float));
}

std::string emit_step_until(const Plan& plan, const Kernels& kernels) {
  const std::string input = input_name(plan);
  const std::string run =
      is_threaded(plan)
          ? fmt::format(
                "  step_until_arguments call = {{weights, &workspace, {}, output, &deadline}};\n"
                "  workspace.workers.run(step_until_entry, &call);\n",
                input)
          : fmt::format("  step_in_time(weights, workspace.next_state, workspace.activations, {}, output, deadline);\n",
                        input);
  return file_head(plan, "a step that changes the state at its end, or not at all.", "#include <cstring>\n\n") +
         emit_layers(plan, kernels) + (is_threaded(plan) ? emit_entry(plan) : "") + "\n}  // namespace\n" +
         fmt::format(
             "\nbool step_until(const unsigned char* weights, float* state, Workspace& workspace, {}, float* output,\n"
             "    Deadline deadline) {{\n"
             "  std::memcpy(workspace.next_state, state, sizeof workspace.next_state);\n"
             "{}"
             "  if (deadline.passed()) return false;\n"
             "  std::memcpy(state, workspace.next_state, sizeof workspace.next_state);\n"
             "  return true;\n"
             "}}\n",
             input_declaration(plan), run) +
         file_tail(plan);
}

}  // namespace mambac
