// `mambac compare`: an artifact's answers next to a golden file's, tensor by tensor.
#include <algorithm>
#include <memory>

#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/run/cases.h"
#include "generator/run/host.h"
#include "generator/run/training_cases.h"

namespace mambac {
namespace {

using nlohmann::literals::operator""_json_pointer;

constexpr double gradient_share = 5;  // a gradient may differ by so many times the tolerance

struct CompareOptions {
  std::string artifact, golden, program = "all";
  double tolerance = 2e-6;
};

struct Comparison {
  int64_t compared = 0, different = 0;
};

void print_row(Comparison& comparison, const std::string& program, const std::string& subject, const std::string& found,
               const std::string& allowed, bool pass) {
  fmt::print("{:<8} {:<46} {:>22} {:>10}  {}\n", program, subject, found, allowed, pass ? "PASS" : "FAIL");
  comparison.compared += 1;
  comparison.different += pass ? 0 : 1;
}

void compare_answers(const std::vector<Answer>& answers, const SafetensorsFile& golden, const std::string& program,
                     double tolerance, Comparison& comparison) {
  for (const Answer& answer : answers) {
    if (!golden.has(answer.name)) continue;
    const TensorView& tensor = golden.at(answer.name);
    if (tensor.shape != answer.shape) {
      fail(ExitCode::input, "{}: `{}` has shape {}, the artifact's has {}: it is another model's golden",
           golden.path().string(), answer.name, shape_text(tensor.shape), shape_text(answer.shape));
    }
    std::vector<double> right(tensor.count());
    tensor.read(0, std::span(right));
    const double allowed = answer.name.starts_with("grad.") ? gradient_share * tolerance : tolerance;
    const double error = relative_error(std::vector<double>(answer.values.begin(), answer.values.end()), right);
    print_row(comparison, program, answer.name, fmt::format("{:.2e}", error), fmt::format("{:.0e}", allowed),
              error <= allowed);
  }
}

// Goes on from the session's state with the most likely token each time, as long as the golden did.
void compare_greedy_tokens(const Answer& outputs, const SafetensorsFile& golden, const std::string& program,
                           const Artifact& artifact, Session& session, Comparison& comparison) {
  const TensorView& right = golden.at("greedy_ids");
  const int64_t batch = artifact.table().batch, vocabulary = artifact.table().vocabulary;
  const int64_t used =  // the rest is padding
      artifact.plan().value("/model/vocabulary_used"_json_pointer, vocabulary);
  std::vector<float> logits(outputs.values.end() - vocabulary, outputs.values.end());
  for (int64_t i = 0; i < right.count(); ++i) {
    const auto token = static_cast<int32_t>(std::max_element(logits.begin(), logits.begin() + used) - logits.begin());
    if (token != right.at(i)) {
      print_row(comparison, program, "greedy_ids", fmt::format("{} at {}, not {}", token, i, right.at(i)), "same",
                false);
      return;
    }
    logits = run_program(program, artifact, session, std::vector<int32_t>(batch, token), {}, 1);
  }
  print_row(comparison, program, "greedy_ids", fmt::format("{} of {}", right.count(), right.count()), "same", true);
}

void compare(const CompareOptions& options) {
  const Artifact artifact(options.artifact);
  const StateLayout layout = read_state_layout(artifact.plan());
  const SafetensorsFile golden = SafetensorsFile::open(options.golden);
  const Case given = read_case(golden, artifact.table(), layout);
  Session session(artifact);
  Comparison comparison;
  fmt::print("{:<8} {:<46} {:>22} {:>10}\n", "program", "tensor", "error (norm / norm)", "tolerance");
  for (const std::string program : {"step", "forward"}) {
    if (options.program == "all" ? !artifact.has_program(program) : options.program != program) continue;
    const std::vector<Answer> answers = run_case(given, program, artifact, layout, session);
    compare_answers(answers, golden, program, options.tolerance, comparison);
    if (golden.has("greedy_ids") && !given.batched && artifact.table().vocabulary > 0) {
      compare_greedy_tokens(answers.front(), golden, program, artifact, session, comparison);
    }
  }
  const bool trains = options.program == "all" && artifact.has_program("train") && golden.has("d_outputs");
  if (trains || options.program == "train") {
    compare_answers(run_training_case(golden, given, artifact.table().train_tokens, artifact, layout, session), golden,
                    "train", options.tolerance, comparison);
  }
  if (comparison.compared == 0) {
    fail(ExitCode::input, "{}: there is nothing to compare, neither `outputs` nor states", golden.path().string());
  }
  if (comparison.different > 0) {
    const bool rounded = artifact.plan().value("weight_type", "") == "bf16";
    fail(ExitCode::difference, "{} of {} comparisons are above the tolerance{}", comparison.different,
         comparison.compared,
         rounded ? "; the artifact's matrices are rounded to bf16, so it cannot match a golden of f32 weights:"
                   " build with --weights f32 to compare with this one"
                 : "");
  }
}

}  // namespace

void add_compare_command(CLI::App& app) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand("compare", "Compare an artifact's answers with a golden file's.");
  command->add_option("artifact", options->artifact, "folder of a built artifact")->required();
  command->add_option("--golden", options->golden, "safetensors: input, optional states, right outputs and states")
      ->required();
  command->add_option("--program", options->program, "program to run; all: all that the artifact has")
      ->check(CLI::IsMember({"step", "forward", "train", "all"}))
      ->capture_default_str();
  command->add_option("--tolerance", options->tolerance, "most that a tensor may differ")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->footer(
      "The error of a tensor is the norm of the difference over the norm of the right one. A golden's `greedy_ids`\n"
      "are the most likely tokens after its input; all must be the same. Exit code 1 if anything differs.\n"
      "Example: mambac compare .mambac/austen-mamba --golden tests/goldens/austen-mamba/golden.safetensors");
  command->callback([options] { compare(*options); });
}

}  // namespace mambac
