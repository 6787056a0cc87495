// What the skeletons of an artifact's files ask for: the facts of its header, sizes, texts that depend on the plan.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>

#include "generator/emit/emit.h"
#include "generator/emit/emit_calls.h"
#include "generator/emit/emit_parts.h"
#include "generator/emit/emit_step_until.h"
#include "generator/emit/emit_training.h"

namespace mambac {
namespace {

// A number with its digits in groups of three.
std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (int64_t position = static_cast<int64_t>(text.size()) - 3; position > 0; position -= 3)
    text.insert(position, " ");
  return text;
}

// The facts at the top of the header: sizes, costs, choices.
std::string facts(const Plan& plan) {
  const ModelConfiguration& model = plan.model;
  std::vector<std::pair<std::string, std::string>> lines;
  lines.emplace_back("Model", fmt::format("{}, {} layers, width {}", model.family, model.layers, model.model_size));
  lines.emplace_back("Input", model.continuous() ? fmt::format("{} floats a token", model.input_size)
                                                 : fmt::format("tokens below {}", model.vocabulary));
  lines.emplace_back("Output", fmt::format("{} floats a token", model.outputs()));
  lines.emplace_back("Target", description(plan.deployment));
  lines.emplace_back("Weights",
                     fmt::format("{} bytes, matrices in {}", grouped(plan.weight_bytes), name_of(plan.weight_type)));
  lines.emplace_back("State", fmt::format("{} bytes a sequence", grouped(plan.cost.state_bytes)));
  lines.emplace_back("Workspace", fmt::format("{} bytes", grouped(workspace_bytes(plan))));
  lines.emplace_back("Cost", fmt::format("{} multiply-adds and {} exponentials a token",
                                         grouped(plan.cost.matrix_multiply_adds + plan.cost.head_multiply_adds +
                                                 plan.cost.recurrence_multiply_adds),
                                         grouped(plan.cost.exponentials)));
  for (const auto& [name, value] : plan.choices) lines.emplace_back(name, value);
  std::string text;
  for (auto& [name, value] : lines) {
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    text += fmt::format("{} *   {:<14} {}", text.empty() ? "" : "\n", name, value);
  }
  return text;
}

std::string state_layout(const Plan& plan) {
  std::string text;
  for (const StateTensor& tensor : plan.state) {
    if (tensor.layer != 0) continue;
    const std::string name = tensor.name.substr(tensor.name.rfind('.') + 1);
    text += fmt::format("\n *              {} ({})", name, fmt::join(tensor.shape, ", "));
  }
  return text;
}

// What a workspace holds, as a sentence.
std::string workspace_content(const Plan& plan) {
  std::vector<std::string> parts = {"Activations"};
  if (has_step_until(plan)) parts.push_back("a copy of the state");
  if (plan.deployment.threads > 1) parts.push_back("the workers");
  const std::string last = parts.back();
  parts.pop_back();
  return parts.empty() ? last : fmt::format("{} and {}", fmt::join(parts, ", "), last);
}

}  // namespace

std::string tape_facts(const Plan& plan) {
  const TrainingPlan& training = plan.training.value();
  return fmt::format(
      " * Tape       {} bytes ({}): the state is kept every {} tokens; backward computes {} exponentials and\n"
      " *            {} multiply-adds a token again",
      grouped(tape_bytes(plan)), plan.deployment.tape, training.checkpoint_tokens,
      grouped(training.recomputed_exponentials), grouped(training.recomputed_multiply_adds));
}

Placeholders placeholders(const Plan& plan) {
  const ModelConfiguration& model = plan.model;
  const Deployment& deployment = plan.deployment;
  const std::string name = plan.name, upper = upper_case(name), input = input_name(plan);
  const bool threaded = deployment.threads > 1, continuous = model.continuous();
  Placeholders values = {
      {"NAME", name},
      {"UPPER", upper},
      {"VERSION", plan.generator_version},
      {"HASH", plan.hash},
      {"HASH_SHORT", plan.hash.substr(0, 16)},
      {"MODEL_HASH", plan.model_hash},
      {"FAMILY", model.family},
      {"TARGET", deployment.target},
      {"ISA", deployment.isa},
      {"SUMMARY", fmt::format("a {} model of {} layers as a library of fixed shape", model.family, model.layers)},
      {"FACTS", facts(plan)},
      {"STATE_LAYOUT", state_layout(plan)},
      {"TOLERANCE", "2e-6"},
      {"ROUNDED", plan.weight_type == WeightType::f32 ? "" : "\n *            with the same rounded weights"},
      {"BATCH", std::to_string(deployment.batch)},
      {"FORWARD_TOKENS", std::to_string(deployment.forward_tokens)},
      {"VOCABULARY", std::to_string(model.vocabulary)},
      {"INPUT_SIZE", std::to_string(model.input_size)},
      {"OUTPUT_SIZE", std::to_string(model.outputs())},
      {"THREADS", std::to_string(deployment.threads)},
      {"WEIGHTS_FILE_BYTES", std::to_string(weights_file_bytes(plan))},
      {"STATE_BYTES", std::to_string(state_bytes(plan))},
      {"WORKSPACE_BYTES", std::to_string(workspace_bytes(plan))},
      {"WORKSPACE_FLOATS", std::to_string(std::max<int64_t>(plan.workspace_floats, 16))},
      {"STATE_FLOATS", std::to_string(plan.state_floats)},
      {"TENSOR_COUNT", std::to_string(plan.weights.size())},
      {"INPUT", input},
      {"INPUT_DECLARATION", input_declaration(plan)},
      {"INPUT_TYPE", continuous ? "const float*" : "const int32_t*"},
      {"INPUT_ELEMENT", continuous ? "float" : "int32_t"},
      {"INPUT_WIDTH", continuous ? std::to_string(model.input_size) : "1"},
      {"INPUT_OF_MIXED", continuous ? "static_cast<float>(mixed >> 8) / (1 << 23) - 1.0f"
                                    : fmt::format("static_cast<Input>(mixed % {}_VOCABULARY)", upper)},
      {"INPUT_CONSTANTS", continuous ? fmt::format("#define {}_INPUT_SIZE {}", upper, model.input_size)
                                     : fmt::format("#define {}_VOCABULARY {}", upper, model.vocabulary)},
      {"INPUT_STEP", continuous ? fmt::format("input ({0}_BATCH, {0}_INPUT_SIZE)", upper)
                                : fmt::format("tokens ({0}_BATCH), each at least 0 and below {0}_VOCABULARY", upper)},
      {"INPUT_FORWARD",
       continuous ? fmt::format("input ({0}_BATCH, count, {0}_INPUT_SIZE)", upper)
                  : fmt::format("tokens ({0}_BATCH, count), each at least 0 and below {0}_VOCABULARY", upper)},
      {"OUTPUT_MEANING", !continuous ? fmt::format(": logits{}", model.vocabulary_used < model.vocabulary
                                                                     ? fmt::format("; those from {} on are padding, no "
                                                                                   "tokens",
                                                                                   model.vocabulary_used)
                                                                     : "")
                                     : ""},
      {"NO_STALLS", plan.has_program("forward")
                        ? "step and forward allocate nothing, take no lock and make no system call"
                        : "step allocates nothing, takes no lock and makes no system call"},
      {"SAME_BITS", plan.has_program("forward")
                        ? "T steps give the bits of one forward of T tokens, for any split and any batch."
                        : "A step gives the same bits in any batch and with any number of threads."},
      {"WORKER_EXCEPTION",
       threaded ? ",\n *            but to wake workers that sleep and to yield the core while they wait long" : ""},
      {"STARTS_WORKERS",
       threaded ? fmt::format(" and starts {} worker{}", deployment.threads - 1, deployment.threads == 2 ? "" : "s")
                : ""},
      {"WORKERS_INCLUDE", threaded ? "\n#include \"runtime/workers.h\"" : ""},
      {"DEADLINE_INCLUDE", has_step_until(plan) ? "\n#include \"runtime/deadline.h\"" : ""},
      {"NEXT_STATE_MEMBER", has_step_until(plan)
                                ? fmt::format("\n  alignas(64) float next_state[{}];  // of step_until",
                                              deployment.batch * plan.state_floats)
                                : ""},
      {"WORKSPACE_CONTENT", workspace_content(plan)},
      {"WORKERS_MEMBER", threaded ? "\n  WorkspaceWorkers workers;" : ""},
      {"WORKERS_TYPE", threaded ? fmt::format("\nusing WorkspaceWorkers = Workers<{}>;\n", deployment.threads) : ""},
      {"START_WORKERS", threaded ? "  if (opened->workers.start() != MAMBAC_OK) {\n"
                                   "    opened->~Workspace();\n"
                                   "    return fail(to, MAMBAC_NO_THREADS, \"workspace_open: the workers could not be "
                                   "started\");\n"
                                   "  }\n"
                                 : ""},
      {"COMPILE_OPTIONS", fmt::format("{}", fmt::join(arithmetic_options(plan), " "))},
      {"CMAKE_THREADS", threaded ? fmt::format("find_package(Threads REQUIRED)\ntarget_link_libraries({} PUBLIC "
                                               "Threads::Threads)\n",
                                               name)
                                 : ""},
      {"CMAKE_LINK_THREADS", threaded ? ";pthread" : ""},
      {"PKGCONFIG_THREADS", threaded ? " -pthread" : ""},
      {"CHECK_STEP_TOKENS",
       continuous ? "" : fmt::format("  if (status == MAMBAC_OK) status = check_tokens(tokens, {}_BATCH);\n", upper)},
      {"CHECK_FORWARD_TOKENS", continuous ? ""
                                          : fmt::format("  status = check_tokens(tokens, {}_BATCH * count);\n"
                                                        "  if (status != MAMBAC_OK) return status;\n",
                                                        upper)},
      {"TEST_BAD_TOKEN",
       continuous ? ""
                  : fmt::format("  input.back() = {0}_VOCABULARY;\n"
                                "  expect({1}_step(weights, session.workspace, state, input.data(), output.data()) == "
                                "MAMBAC_BAD_TOKEN,\n"
                                "         \"a token outside the vocabulary is refused\");\n"
                                "  input = inputs(0, 1);\n",
                                upper, name)},
  };
  return values;
}

}  // namespace mambac
