#include "generator/build/build_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "generator/build/library_name.h"
#include "generator/error.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

// An option that nothing would read, even one that repeats a default, misleads whoever gave it.
void refuse_unread_options(const BuildRequest& request, const Deployment& deployment) {
  const auto refuse = [](const char* option, bool given, const std::string& needs) {
    if (given) fail(ExitCode::usage, "--{} says nothing without {}; leave it out", option, needs);
  };
  if (deployment.target != "cuda") {
    refuse("arch", request.arch.has_value(), "--target cuda");
    refuse("blocks", request.blocks.has_value(), "--target cuda");
  }
  if (!deployment.trains()) {
    refuse("train-tokens", request.train_tokens.has_value(), "--programs step,forward,train");
    refuse("tape", request.tape.has_value(), "--programs step,forward,train");
  }
}

Deployment deployment_of(const BuildRequest& request) {
  Deployment deployment = request.deployment.empty() ? Deployment{} : read_deployment(request.deployment);
  if (request.target) deployment.target = *request.target;
  if (request.isa) deployment.isa = *request.isa;
  if (request.arch) deployment.arch = *request.arch;
  if (request.blocks) deployment.blocks = *request.blocks;
  if (request.weights) deployment.weights = *request.weights;
  if (request.batch) deployment.batch = *request.batch;
  if (request.forward_tokens) deployment.forward_tokens = *request.forward_tokens;
  if (request.threads) deployment.threads = *request.threads;
  if (request.programs) deployment.programs = split(*request.programs);
  if (request.train_tokens) deployment.train_tokens = *request.train_tokens;
  if (request.tape) deployment.tape = *request.tape;
  check(deployment);
  refuse_unread_options(request, deployment);
  return deployment;
}

// "config.json" is named after its folder, "small.json" after itself.
std::string default_name(const fs::path& model) {
  fs::path path = fs::absolute(model).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() == "config.json") path = path.parent_path();
  return library_name_of(fs::is_directory(path) ? path.filename().string() : path.stem().string());
}

}  // namespace

void add_build_options(CLI::App& command, BuildRequest& request) {
  command
      .add_option("model", request.model, "folder with config.json (and weights, tokenizer), or a configuration file")
      ->required();
  command.add_option("--name", request.name, "prefix of the library's functions; default: the folder's name");
  command.add_option("--deployment", request.deployment, "JSON file that says the options below; they override it");
  command.add_option("--target", request.target, "cpu (default) or cuda");
  command.add_option("--isa", request.isa, "x86-64-v3 (AVX2), x86-64-v4 (AVX-512) or native (default): this machine's");
  command.add_option("--arch", request.arch, "of a GPU: sm_80, sm_89, sm_90a (default: H100, H200), sm_100a or sm_120");
  command.add_option("--blocks", request.blocks, "of a GPU: multiprocessors to plan for (default: the usual GPU's)");
  command.add_option("--weights", request.weights,
                     "type of the matrices: f32, bf16 or auto (default): bf16 if the checkpoint's are 16-bit");
  command.add_option("--batch", request.batch, "sequences that a call works on (default 1)");
  command.add_option("--forward-tokens", request.forward_tokens, "most tokens of one forward (default 64)");
  command.add_option("--threads", request.threads, "threads of a call (default 1)");
  command.add_option("--programs", request.programs,
                     "of step, forward (both by default), train (cpu), steps and generate (cuda)");
  command.add_option("--train-tokens", request.train_tokens, "most tokens of one train (default 32)");
  command.add_option("--tape", request.tape,
                     "what train keeps for backward: small (default) computes more again, fast less");
}

PlannedModel plan_model(const BuildRequest& request) {
  const ModelConfiguration model = read_model_configuration(request.model);
  for (const std::string& warning : model.warnings) fmt::print(stderr, "mambac: warning: {}\n", warning);
  const Deployment deployment = deployment_of(request);
  if (!request.name.empty()) check_library_name(request.name);
  const std::string name = request.name.empty() ? default_name(request.model) : request.name;

  std::optional<Checkpoint> checkpoint;
  if (Checkpoint::exists(request.model)) checkpoint.emplace(request.model);
  Plan plan = make_plan(model, deployment, name, checkpoint && checkpoint->matrices_are_16_bit());
  if (checkpoint) {
    for (const std::string& unused : checkpoint->check(plan.checkpoint)) {
      fmt::print(stderr, "mambac: warning: {}\n", unused);
    }
  }
  return {std::move(plan), std::move(checkpoint)};
}

}  // namespace mambac
