// `mambac evaluate`: an artifact's answer on given inputs and states, as tensors.
#include <memory>

#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/run/cases.h"
#include "generator/run/host.h"
#include "generator/run/training_cases.h"

namespace mambac {
namespace {

struct EvaluateOptions {
  std::string artifact, cases, out, program = "forward";
};

void evaluate(const EvaluateOptions& options) {
  const Artifact artifact(options.artifact);
  const StateLayout layout = read_state_layout(artifact.plan());
  const SafetensorsFile file = SafetensorsFile::open(options.cases);
  const Case given = read_case(file, artifact.table(), layout);
  Session session(artifact);
  std::vector<OutputTensor> tensors;
  const std::vector<Answer> answers =
      options.program == "train"
          ? run_training_case(file, given, artifact.table().train_tokens, artifact, layout, session)
          : run_case(given, options.program, artifact, layout, session);
  for (const Answer& answer : answers) {
    tensors.push_back(output_tensor(answer.name, answer.shape, std::span<const float>(answer.values)));
  }
  write_safetensors(options.out, tensors);
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command = app.add_subcommand("evaluate", "Run an artifact on tensors and write its outputs and states.");
  command->add_option("artifact", options->artifact, "folder of a built artifact")->required();
  command->add_option("--cases", options->cases, "safetensors: input_ids or inputs, optional states *_in")->required();
  command->add_option("--out", options->out, "safetensors to write: outputs, states *_out, all F32")->required();
  command->add_option("--program", options->program, "program to run")
      ->check(CLI::IsMember({"step", "forward", "train"}))
      ->capture_default_str();
  command->footer(
      "The state is zero where the file gives none. Without a leading batch dimension, every sequence of the\n"
      "artifact's batch gets the same input, and all must give the same bits.\n"
      "Example: mambac evaluate .mambac/austen-mamba --cases prompt.safetensors --out answer.safetensors");
  command->callback([options] { evaluate(*options); });
}

}  // namespace mambac
