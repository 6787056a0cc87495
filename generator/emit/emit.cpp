#include "generator/emit/emit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "generator/emit/embedded_sources.h"
#include "generator/emit/emit_calls.h"
#include "generator/emit/emit_cuda.h"
#include "generator/emit/emit_kernels.h"
#include "generator/emit/emit_parts.h"
#include "generator/emit/emit_programs.h"
#include "generator/emit/emit_step_until.h"
#include "generator/emit/emit_training.h"
#include "generator/emit/fill.h"
#include "generator/emit/format_source.h"
#include "generator/error.h"
#include "runtime/state_header.h"
#include "runtime/tape_header.h"
#include "runtime/weights_format.h"
#include "runtime/workers.h"

namespace mambac {
namespace {

// Which files of the runtime an artifact takes with it.
bool needs(const Plan& plan, const std::string& path) {
  const bool for_workers = path == "runtime/workers.h" || path == "runtime/barrier.h";
  static const std::set<std::string> for_training_alone = {"runtime/adamw.h",         "runtime/cross_entropy.h",
                                                           "runtime/learning_rate.h", "runtime/mean_square_error.h",
                                                           "runtime/tape_header.h",   "runtime/transpose.h"};
  const bool for_training = for_training_alone.contains(path);
  return path.starts_with("runtime/") && !path.starts_with("runtime/cuda_") &&
         (!for_workers || plan.deployment.threads > 1) && (path != "runtime/deadline.h" || has_step_until(plan)) &&
         (!for_training || plan.training);
}

}  // namespace

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) { return std::toupper(letter); });
  return text;
}

void add_forward(const Plan& plan, const std::function<std::string(const std::string&)>& skeleton,
                 Placeholders& values) {
  const bool forward = plan.has_program("forward");
  values["FORWARD_DECLARATION"] = forward ? fill(skeleton("forward_declaration"), values) : "";
  values["FORWARD_DEFINITION"] = forward ? fill(skeleton("forward_definition"), values) : "";
  values["ANY_FORWARD"] = forward ? fill(skeleton("any_forward"), values) : "";
  values["ANY_FORWARD_NAME"] = forward ? "any_forward" : "nullptr";
  values["TEST_FORWARD"] = forward ? fill(skeleton("test_forward"), values) : "";
  values["RUN_FORWARD_TESTS"] = forward
                                    ? "  test_step_is_forward(&weights);\n  test_last_is_the_last_of_all(&weights);\n"
                                      "  test_counts(&weights);\n"
                                    : "";
}

std::string renamed(std::string text, const Plan& plan) {
  const auto replace_all = [&](const std::string& from, const std::string& to) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  };
  replace_all("mambac_runtime", plan.name + "_runtime");
  // Beside one another, so that no folder `runtime` of whoever compiles the artifact is looked into.
  replace_all("\"runtime/", "\"");
  return text;
}

std::vector<std::string> arithmetic_options(const Plan& plan) {
  return {"-O3", "-ffp-contract=off", "-fno-math-errno", "-march=" + plan.deployment.isa};
}

int64_t weights_file_bytes(const Plan& plan) {
  return static_cast<int64_t>(mambac_runtime::weights_file_bytes(plan.weights.size(), plan.weight_bytes));
}

int64_t state_bytes(const Plan& plan) {
  return static_cast<int64_t>(sizeof(mambac_runtime::StateHeader)) +
         plan.deployment.batch * plan.state_floats * static_cast<int64_t>(sizeof(float));
}

int64_t tape_bytes(const Plan& plan) {
  return static_cast<int64_t>(sizeof(mambac_runtime::TapeHeader)) +
         plan.training_groups() * plan.training.value().tape_floats * static_cast<int64_t>(sizeof(float));
}

int64_t workspace_bytes(const Plan& plan) {
  const int64_t activations = std::max<int64_t>(plan.workspace_floats, 16) * static_cast<int64_t>(sizeof(float));
  const int threads = static_cast<int>(plan.deployment.threads);
  constexpr int64_t owner = 64;
  const int64_t next_state = has_step_until(plan) ? round_up(next_state_bytes(plan), 64) : 0;
  const int64_t workers = threads > 1 ? static_cast<int64_t>(mambac_runtime::workers_bytes(threads)) : 0;
  return owner + round_up(activations, 64) + next_state + workers;
}

std::map<std::string, std::string> emit(const Plan& plan) {
  if (plan.deployment.target == "cuda") return emit_cuda(plan);
  const std::map<std::string, std::string>& sources = embedded_sources();
  const auto skeleton = [&](const std::string& name) { return sources.at("templates/artifact/" + name + ".in"); };
  Placeholders values = placeholders(plan);
  const bool forward = plan.has_program("forward"), continuous = plan.model.continuous();
  const std::string upper = values.at("UPPER"), name = plan.name;
  const bool until = has_step_until(plan);

  const auto if_until = [&](const char* name) { return until ? fill(skeleton(name), values) : ""; };
  values["STEP_UNTIL_DECLARATION"] = if_until("step_until_declaration");
  values["STEP_UNTIL_DEFINITION"] = if_until("step_until_definition");
  values["ANY_STEP_UNTIL"] = if_until("any_step_until");
  values["ANY_STEP_UNTIL_NAME"] = until ? "any_step_until" : "nullptr";
  values["TEST_STEP_UNTIL"] = if_until("test_step_until");
  values["RUN_STEP_UNTIL_TEST"] = until ? "  test_step_until(&weights);\n" : "";
  values["STEP_UNTIL_PROGRAM"] =
      until
          ? fmt::format(
                "\n// The same if it ends before the deadline; if not, false, and the state is as it was.\n"
                "bool step_until(const unsigned char* weights, float* state, Workspace& workspace, {}, float* output,\n"
                "    Deadline deadline);\n",
                values.at("INPUT_DECLARATION"))
          : "";

  const bool trains = plan.training.has_value();
  if (trains) {
    values["PARAMETER_COUNT"] = std::to_string(plan.training->parameters.size());
    values["PARAMETERS"] = std::to_string(plan.training->parameter_floats);
    values["PARAMETER_TABLE"] = parameter_table(plan);
    values["TRAIN_TOKENS"] = std::to_string(plan.deployment.train_tokens);
    values["TAPE_BYTES"] = std::to_string(tape_bytes(plan));
    values["TAPE_FACTS"] = tape_facts(plan);
    values["D_INPUT_SIZE"] = std::to_string(continuous ? plan.model.input_size : plan.model.model_size);
    values["D_INPUT_MEANING"] = continuous ? "the input" : "the embedded tokens";
  }
  for (const char* part : {"declaration", "definition", "table", "includes", "constants", "helpers"}) {
    const std::string key = "TRAINING_" + upper_case(part);
    values[key] = trains ? fill(skeleton(std::string("training_") + part), values) : "";
  }
  values["TRAINING_PROGRAMS"] = trains ? training_programs(plan) : "";
  values["CHECK_TOKENS"] = continuous ? "" : fill(skeleton("check_tokens"), values);
  add_forward(plan, skeleton, values);
  values["BENCHMARK_FORWARD"] =
      forward ? fmt::format(
                    "  measure(\"forward\", [&] {{\n"
                    "    {0}_forward(&weights, workspace, state.get(), input.data(), {1}_FORWARD_TOKENS, "
                    "MAMBAC_ALL, output.data());\n"
                    "  }});\n",
                    name, upper)
              : "";
  values["FORWARD_PROGRAM"] =
      forward ? fmt::format(
                    "\n// `count` tokens of each sequence; `outputs`: MAMBAC_ALL or MAMBAC_LAST.\n"
                    "void forward(const unsigned char* weights, float* state, Workspace& workspace, {},\n"
                    "    int count, int outputs, float* output);\n",
                    values.at("INPUT_DECLARATION"))
              : "";

  std::map<std::string, std::string> files;
  const Kernels kernels(plan);
  files[name + "_kernels.h"] = emit_kernels(plan, kernels);
  for (const Program& program : plan.programs) {
    files[fmt::format("{}_{}.cpp", name, program.name)] = emit_program(plan, program, kernels);
  }
  if (until) files[name + "_step_until.cpp"] = emit_step_until(plan, kernels);
  for (const auto& [path, text] : sources) {
    if (needs(plan, path)) files[path == "runtime/mambac.h" ? "mambac.h" : path] = renamed(text, plan);
  }
  files[name + ".h"] = fill(skeleton("header.h"), values);
  files[name + ".cpp"] = fill(skeleton("interface.cpp"), values);
  files[name + "_programs.h"] = fill(skeleton("programs.h"), values);

  std::vector<std::string> compiled;
  for (const auto& [path, text] : files) {
    if (path.ends_with(".cpp")) compiled.push_back(path);
  }
  values["SOURCES"] = fmt::format("\n  {}", fmt::join(compiled, "\n  "));
  files[name + "_test.cpp"] = fill(skeleton("test.cpp"), values);
  files[name + "_benchmark.cpp"] = fill(skeleton("benchmark.cpp"), values);
  for (auto& [path, text] : files) {
    const bool copied = path.starts_with("runtime/") || path == "mambac.h";
    if (!copied) text = format_source(text);
  }
  files["CMakeLists.txt"] = fill(skeleton("CMakeLists.txt"), values);
  files[name + "Config.cmake"] = fill(skeleton("config.cmake"), values);
  files[name + "ConfigVersion.cmake"] = fill(skeleton("config_version.cmake"), values);
  files["lib/pkgconfig/" + name + ".pc"] = fill(skeleton("pkgconfig.pc"), values);
  files["plan.json"] = to_text(plan);
  return files;
}

}  // namespace mambac
