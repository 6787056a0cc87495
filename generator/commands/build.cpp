// `mambac build` and `mambac generate`: from a model's folder to an artifact.
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "generator/build/build_artifact.h"
#include "generator/commands/commands.h"
#include "generator/emit/emit.h"

namespace mambac {
namespace {

struct BuildOptions {
  BuildRequest request;
  std::string out;
};

void print_summary(const BuiltArtifact& artifact, const std::string& model, const std::string& out, bool compiled,
                   double seconds) {
  const Plan& plan = artifact.plan;
  fmt::print("{}: {} {} in {:.1f} s\n", out, plan.name, compiled ? "built" : "generated", seconds);
  fmt::print("  header     {}/{}.h\n", out, plan.name);
  if (compiled) fmt::print("  library    {0}/lib/lib{1}.a, lib{1}.so\n", out, plan.name);
  if (artifact.has_weights) {
    fmt::print("  weights    {}/{}.weights, {:.1f} MB, matrices in {}\n", out, plan.name,
               static_cast<double>(weights_file_bytes(plan)) / 1e6, plan.deployment.weights);
  } else if (compiled) {
    fmt::print("  weights    none: {}\n", how_to_get_weights(model));
  }
  fmt::print("  memory     state {} bytes, workspace {} bytes\n", state_bytes(plan), workspace_bytes(plan));
  fmt::print("  target     {}\n", description(plan.deployment));
}

void add(CLI::App& app, const char* name, const char* description, const char* footer, bool compiled) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* command = app.add_subcommand(name, description);
  add_build_options(*command, options->request);
  command
      ->add_option("--out", options->out,
                   "folder to write; an artifact that is there is replaced, if it holds nothing else")
      ->required();
  command->footer(footer);
  command->callback([options, compiled] {
    const auto start = std::chrono::steady_clock::now();
    const BuiltArtifact artifact = build_artifact(options->request, options->out, compiled);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    print_summary(artifact, options->request.model, options->out, compiled, elapsed.count());
  });
}

}  // namespace

void add_build_command(CLI::App& app) {
  add(app, "build", "Make a library for one model: sources, weights, lib/libNAME.a and .so.",
      "Example:\n  mambac build configs/austen-mamba --out .mambac/austen-mamba --weights bf16 --threads 2", true);
}

void add_generate_command(CLI::App& app) {
  add(app, "generate", "Write the sources alone; needs no compiler and no weights.",
      "Example:\n  mambac generate configs/mamba-130m --out .mambac/mamba-130m-source --isa x86-64-v3", false);
}

}  // namespace mambac
