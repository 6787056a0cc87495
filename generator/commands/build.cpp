// `mambac build` and `mambac generate`: from a model's folder to an artifact.
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "generator/artifact_folder.h"
#include "generator/build_request.h"
#include "generator/commands/commands.h"
#include "generator/compile.h"
#include "generator/emit.h"
#include "generator/error.h"
#include "generator/pack.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

struct BuildOptions {
  BuildRequest request;
  std::string out;
};

// What running the model needs beside its weights.
void copy_companions(const fs::path& model, const fs::path& folder) {
  const fs::path from = fs::is_directory(model) ? model : model.parent_path();
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
    if (fs::exists(from / name)) fs::copy_file(from / name, folder / name, fs::copy_options::overwrite_existing);
  }
}

void print_summary(const Plan& plan, const std::string& out, bool with_weights, bool compiled, double seconds) {
  fmt::print("{}: {} {} in {:.1f} s\n", out, plan.name, compiled ? "built" : "generated", seconds);
  fmt::print("  header     {}/{}.h\n", out, plan.name);
  if (compiled) fmt::print("  library    {0}/lib/lib{1}.a, lib{1}.so\n", out, plan.name);
  if (with_weights) {
    fmt::print("  weights    {}/{}.weights, {:.1f} MB, matrices in {}\n", out, plan.name,
               static_cast<double>(weights_file_bytes(plan)) / 1e6, plan.deployment.weights);
  } else if (compiled) {
    fmt::print("  weights    none: the model's folder has no model.safetensors; `mambac init` makes fresh ones\n");
  }
  fmt::print("  memory     state {} bytes, workspace {} bytes\n", state_bytes(plan), workspace_bytes(plan));
  fmt::print("  target     {} {}, batch {}, {} thread(s)\n", plan.deployment.target, plan.deployment.isa,
             plan.deployment.batch, plan.deployment.threads);
}

void run(const BuildOptions& options, bool compiled) {
  const auto start = std::chrono::steady_clock::now();
  if (compiled) find_compiler();  // before anything takes time
  const PlannedModel model = plan_model(options.request);
  ArtifactFolder folder(options.out);
  folder.write(emit(model.plan));
  copy_companions(options.request.model, folder.temporary());
  const bool with_weights = compiled && model.checkpoint;
  if (with_weights) pack_weights(model.plan, *model.checkpoint, folder.temporary() / (model.plan.name + ".weights"));
  if (compiled) compile(model.plan, folder.temporary());
  folder.commit();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  print_summary(model.plan, options.out, with_weights, compiled, elapsed.count());
}

void add(CLI::App& app, const char* name, const char* description, const char* footer, bool compiled) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* command = app.add_subcommand(name, description);
  add_build_options(*command, options->request);
  command->add_option("--out", options->out, "folder to write; an artifact that is there is replaced")->required();
  command->footer(footer);
  command->callback([options, compiled] { run(*options, compiled); });
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
