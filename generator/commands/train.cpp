// `mambac train`: weights, given or fresh, learn a text or a series.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>

#include "generator/build/build_artifact.h"
#include "generator/checkpoint/initialize.h"
#include "generator/commands/commands.h"
#include "generator/configuration/model_folder.h"
#include "generator/error.h"
#include "generator/families/families.h"
#include "generator/file.h"
#include "generator/progress.h"
#include "generator/temporary_path.h"
#include "generator/text/tokenizer.h"
#include "generator/train/training_folder.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

constexpr double held_out_share = 0.04;  // of the data, at its end, unless --validate names other data
constexpr int64_t losses_shown = 20;     // steps that the printed loss is the mean of

struct TrainOptions {
  std::string model, series, validate, tokenizer, out, resume;
  std::vector<std::string> texts;
  int64_t batch = 16, tokens = 128, threads = 1, save_every = 100;
  std::optional<uint64_t> initial_seed;
  TrainingRecipe recipe;
};

fs::path new_temporary_folder(const std::string& name) {
  std::string path = (fs::temp_directory_path() / (name + "-XXXXXX")).string();
  if (mkdtemp(path.data()) == nullptr) fail(ExitCode::environment, "{}: cannot be created", path);
  return path;
}

volatile std::sig_atomic_t interrupted = 0;

// The model's folder with weights: as given, or its configuration with fresh ones in `folder`.
fs::path with_weights(const TrainOptions& options, const ModelConfiguration& model, const fs::path& folder) {
  if (Checkpoint::exists(options.model) && !options.initial_seed) return options.model;
  fs::create_directories(folder);
  fs::copy_file(configuration_file(options.model), folder / "config.json");
  initialize(model, make_graph(model).checkpoint, options.initial_seed.value_or(1), folder);
  return folder;
}

TrainingData read_data(const TrainOptions& options, const ModelConfiguration& model,
                       const std::vector<std::string>& texts, const std::string& series) {
  if (!series.empty()) return read_series(series, model.input_size);
  if (options.tokenizer == "bytes") {
    return read_text_data(
        texts,
        [](const std::string& text) {
          std::vector<int32_t> tokens;
          for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
          return tokens;
        },
        model.vocabulary);
  }
  const Tokenizer tokenizer = Tokenizer::read(folder_of(options.model));
  return read_text_data(texts, [&](const std::string& text) { return tokenizer.encode(text); }, model.vocabulary_used);
}

void check_options(const TrainOptions& options, const ModelConfiguration& model) {
  if (model.continuous() == options.series.empty()) {
    fail(ExitCode::usage, "{} takes {}: give --{} FILE", options.model,
         model.continuous() ? "rows of numbers" : "tokens", model.continuous() ? "series" : "text");
  }
  if (model.continuous() && model.outputs() != model.input_size) {
    fail(ExitCode::input,
         "{}: next-step prediction needs as many outputs ({}) as inputs ({}): set \"output_size\" to {}", options.model,
         model.outputs(), model.input_size, model.input_size);
  }
  if (!options.resume.empty() && !options.out.empty() && options.resume != options.out) {
    fail(ExitCode::usage, "--resume {} goes on in that folder; leave --out away", options.resume);
  }
  if (options.resume.empty() && options.out.empty()) fail(ExitCode::usage, "--out is required");
}

ManyFloats parameters_of(const Checkpoint& checkpoint, const mambac_artifact& table) {
  ManyFloats parameters(table.parameters);
  for (const mambac_parameter& parameter : std::span(table.parameter_table, table.parameter_count)) {
    const TensorView& tensor = checkpoint.at(parameter.name);
    tensor.read(0, std::span(parameters).subspan(parameter.offset, tensor.count()));
  }
  return parameters;
}

// What decides every loss of a run.
nlohmann::ordered_json recipe_json(const TrainOptions& options, const ModelConfiguration& model,
                                   const TrainingData& data) {
  const TrainingRecipe& recipe = options.recipe;
  return {{"model", sha256(to_json(model).dump())},
          {"data", data.hash()},
          {"steps", recipe.steps},
          {"batch", options.batch},
          {"tokens", options.tokens},
          {"learning_rate", recipe.learning_rate},
          {"warm_up", recipe.warm_up},
          {"weight_decay", recipe.weight_decay},
          {"clip", recipe.most_norm},
          {"seed", recipe.seed}};
}

double mean_of_last(const std::vector<LossPoint>& losses) {
  double sum = 0;
  int64_t count = 0;
  for (auto point = losses.rbegin(); point != losses.rend() && count < losses_shown; ++point) {
    if (point->validation) continue;
    sum += point->loss;
    ++count;
  }
  return count == 0 ? std::nan("") : sum / static_cast<double>(count);
}

void run(TrainOptions options) {
  const ModelConfiguration model = read_model_configuration(options.model);
  check_options(options, model);
  TrainingData data = read_data(options, model, options.texts, options.series);
  TrainingData held_out;
  if (!options.validate.empty()) {
    held_out = read_data(options, model, {options.validate}, options.series.empty() ? "" : options.validate);
  } else {
    held_out = data.split_off(static_cast<int64_t>(held_out_share * static_cast<double>(data.length())));
  }

  const TemporaryPath work(new_temporary_folder("mambac-train"));
  BuildRequest request;
  request.model = with_weights(options, model, work.path() / "model").string();
  request.name = "trained";
  request.programs = "step,forward,train";
  request.weights = "f32";
  request.batch = options.batch;
  request.train_tokens = options.tokens;
  request.threads = options.threads;
  build_artifact(request, work.path() / "artifact", true);
  const Artifact artifact(work.path() / "artifact");
  const mambac_artifact& table = artifact.table();

  TrainingState state;
  state.parameters = parameters_of(Checkpoint(request.model), table);
  state.first_moments.resize(table.parameters);
  state.second_moments.resize(table.parameters);
  std::vector<LossPoint> losses;
  Trainer trainer(artifact, options.recipe, data);
  const bool resumes = !options.resume.empty();
  TrainingFolder folder(resumes ? options.resume : options.out, recipe_json(options, model, data),
                        std::span(table.parameter_table, table.parameter_count));
  if (resumes) {
    folder.resume(state, losses);
  } else {
    folder.begin(options.model);
    folder.save(state, losses);
  }
  const std::string out = resumes ? options.resume : options.out;
  fmt::print("{} parameters; {} {} to train on, {} held out\n", table.parameters, data.length(),
             data.width == 0 ? "tokens" : "rows", held_out.length());
  const auto validate = [&] {
    const double loss = trainer.validate(state, held_out);
    if (std::isfinite(loss)) losses.push_back({state.steps, loss, true});
    return loss;
  };
  if (state.steps == 0) fmt::print("step 0: held-out loss {:.4f}\n", validate());

  const auto previous = std::signal(SIGINT, [](int) { interrupted = 1; });
  const auto start = std::chrono::steady_clock::now();
  const int64_t first = state.steps;
  {
    Progress progress("training", options.recipe.steps - first);
    while (state.steps < options.recipe.steps && !interrupted) {
      const int64_t step = state.steps;
      losses.push_back({step, trainer.step(state), false});
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      progress.note(fmt::format("step {}, loss {:.4f}, {:.0f} tokens/s", state.steps, mean_of_last(losses),
                                static_cast<double>((state.steps - first) * options.batch * options.tokens) / seconds));
      progress.add(1);
      if (state.steps % options.save_every == 0) folder.save(state, losses);
    }
  }
  std::signal(SIGINT, previous);
  const double held_out_loss = validate();
  folder.save(state, losses);
  fmt::print("step {}: loss {:.4f}, held-out loss {:.4f}\n", state.steps, mean_of_last(losses), held_out_loss);
  if (interrupted) {
    fmt::print("interrupted and saved; go on with --resume {}\n", out);
    return;
  }
  fmt::print("{}: config.json, model.safetensors, loss.csv, loss.svg\nnext: mambac build {} --out {}-library\n", out,
             out, out);
}

}  // namespace

void add_train_command(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model on text or on a series of numbers.");
  command->add_option("model", options->model, "folder of a model, or a configuration (fresh weights)")->required();
  auto* text = command->add_option("--text", options->texts, "text files to train on, one after the other");
  auto* series = command->add_option("--series", options->series, "CSV file; every line predicts the next");
  text->excludes(series);
  command->add_option("--validate", options->validate, "file to measure the held-out loss on; default: the last 4%");
  command->add_option("--tokenizer", options->tokenizer, "bytes: a token a byte; default: the folder's tokenizer.json")
      ->check(CLI::IsMember({"bytes"}));
  command->add_option("--init-seed", options->initial_seed,
                      "fresh weights, also where the folder has some; 1 where it has none");
  command->add_option("--steps", options->recipe.steps)->check(CLI::Range(int64_t{1}, int64_t{1} << 40))->required();
  command->add_option("--batch", options->batch, "windows of a step")->capture_default_str();
  command->add_option("--tokens", options->tokens, "of a window")->capture_default_str();
  command->add_option("--learning-rate", options->recipe.learning_rate, "its peak; falls as a cosine to a tenth")
      ->check(CLI::Range(1e-12, 1e6))
      ->capture_default_str();
  command->add_option("--warm-up", options->recipe.warm_up, "steps")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--weight-decay", options->recipe.weight_decay, "of matrices but A_log")
      ->check(CLI::Range(0.0, 1e3))
      ->capture_default_str();
  command->add_option("--clip", options->recipe.most_norm, "most norm of the gradients")
      ->check(CLI::Range(1e-12, 1e12))
      ->capture_default_str();
  command->add_option("--seed", options->recipe.seed, "of the windows")->capture_default_str();
  command->add_option("--threads", options->threads)->capture_default_str();
  command->add_option("--save-every", options->save_every, "steps")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
      ->capture_default_str();
  command->add_option("--out", options->out, "new or empty folder for the trained model");
  command->add_option("--resume", options->resume, "folder of a run to go on with; all else as when it began");
  command->footer(
      "The optimizer is AdamW (0.9, 0.95). The folder opens in transformers and with mambac build.\n"
      "Ctrl-C saves and ends; after kill -9, --resume loses what came since the last save.\n"
      "Example:\n"
      "  mambac train configs/austen-mamba/config.json --init-seed 1 --text tests/data/pride-and-prejudice.txt --steps "
      "300 \\\n"
      "      --learning-rate 3e-3 --threads 2 --out .mambac/trained");
  command->callback([options] { run(*options); });
}

}  // namespace mambac
