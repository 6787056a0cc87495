// `mambac inspect`: what a model's plan or an artifact holds.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "generator/build/build_request.h"
#include "generator/build/compile_cuda.h"
#include "generator/commands/commands.h"
#include "generator/emit/emit.h"
#include "generator/error.h"
#include "generator/plan/stored_plan.h"

namespace mambac {
namespace {

using Json = nlohmann::ordered_json;

struct InspectOptions {
  BuildRequest request;
  bool json = false;
};

// The plan of an artifact's folder, or the one that `build` would make.
Json plan_of(const CLI::App& command, const BuildRequest& request) {
  if (!is_artifact(request.model)) return Json::parse(to_text(plan_model(request).plan));
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() > 0 && option->get_name() != "model" && option->get_name() != "--json") {
      fail(ExitCode::usage, "{}: {} is an artifact, whose options are fixed; leave it out or give the model",
           option->get_name(), request.model);
    }
  }
  return read_plan(request.model);
}

double megabytes(const Json& bytes) { return bytes.get<double>() / 1e6; }

// Most tokens of each sequence that one call of a program takes.
int64_t tokens_of(const Json& deployment, const std::string& program) {
  if (program == "step") return 1;
  const bool trains = program == "train" || program == "backward";
  return deployment[trains ? "train_tokens" : "forward_tokens"].get<int64_t>();
}

void print_program(const Json& plan, const Json& program) {
  const std::string name = program["name"];
  if (name.starts_with("weights_")) {  // moves weights and computes nothing
    fmt::print("  {:<14} {:>10.3f} MB read and written  {} calls\n", name, megabytes(plan["cost"]["weight_bytes"]),
               program["calls"].size());
    return;
  }
  const Json& cost = plan["cost"];
  const int64_t batch = plan["deployment"]["batch"];
  const int64_t tokens = batch * tokens_of(plan["deployment"], name);
  // Backwards, every product is two: by the weights, and by the inputs.
  const int64_t products = name == "backward" ? 2 : 1;
  const auto per_token = [&](const char* name) { return cost[name].get<int64_t>(); };
  const int64_t multiply_adds =
      per_token("matrix_multiply_adds") + per_token("head_multiply_adds") + per_token("recurrence_multiply_adds");
  fmt::print(
      "  {:<14} {:>4} token(s)  {:>12.3f} M multiply-adds  {:>10.3f} M exponentials  {:>10.3f} MB read or written"
      "  {} calls\n",
      name, tokens, static_cast<double>(products * multiply_adds * tokens) / 1e6,
      static_cast<double>(per_token("exponentials") * tokens) / 1e6,
      megabytes(cost["weight_bytes"]) + 2.0 * static_cast<double>(batch) * megabytes(cost["state_bytes"]),
      program["calls"].size() + program["outputs_all"].size());
}

// What ptxas said when the artifact in `folder` was compiled for a GPU.
void print_kernels(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "kernels.json";
  if (!std::filesystem::exists(path)) return;
  fmt::print("\nKernels{:>39}{:>16}{:>12}{:>12}\n", "registers", "shared bytes", "stack", "spills");
  for (const auto& [name, kernel] : read_kernel_report_file(path)) {
    fmt::print("  {:<34}{:>10}{:>16}{:>12}{:>12}\n", name, kernel.registers, kernel.shared_bytes, kernel.stack_bytes,
               kernel.spill_bytes);
  }
}

void print(const Json& plan) {
  const Json& deployment = plan["deployment"];
  fmt::print("{}: {} on {} {}, weights {}\n", plan["name"].get<std::string>(),
             plan["model"]["family"].get<std::string>(), deployment["target"].get<std::string>(),
             deployment[deployment.contains("arch") ? "arch" : "isa"].get<std::string>(),
             plan["weight_type"].get<std::string>());
  fmt::print("plan {}\n\nTensors\n", plan["hash"].get<std::string>());
  for (const Json& tensor : plan["weights"]) {
    fmt::print("  {:<28} {:>8} x {:<8} {:<5} {:<10} {:>14} bytes at {}\n", tensor["name"].get<std::string>(),
               tensor["rows"].get<int64_t>(), tensor["columns"].get<int64_t>(), tensor["type"].get<std::string>(),
               tensor["packing"].get<std::string>(), tensor["bytes"].get<int64_t>(), tensor["offset"].get<int64_t>());
  }
  fmt::print(
      "\nMemory\n  weights    {:>12.3f} MB\n  state      {:>12.3f} MB a sequence\n  activations{:>12.3f} "
      "MB, in the workspace\n\nPrograms\n",
      megabytes(plan["weight_bytes"]), 4 * megabytes(plan["state_floats"]), 4 * megabytes(plan["workspace_floats"]));
  for (const Json& program : plan["programs"]) print_program(plan, program);
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show tensors, memory and cost of a model's plan or of a built artifact.");
  add_build_options(*command, options->request);
  command->add_flag("--json", options->json, "print the whole plan as JSON");
  command->footer(
      "Examples:\n  mambac inspect configs/mamba-130m --weights bf16\n  mambac inspect .mambac/austen-mamba --json");
  command->callback([options, command] {
    const Json plan = plan_of(*command, options->request);
    if (options->json) {
      fmt::print("{}\n", plan.dump(1));
    } else {
      print(plan);
      print_kernels(options->request.model);
    }
  });
}

}  // namespace mambac
