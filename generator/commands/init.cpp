// `mambac init`: a model's folder with fresh weights.
#include <fmt/format.h>

#include <memory>

#include "generator/checkpoint/initialize.h"
#include "generator/commands/commands.h"
#include "generator/configuration/model_folder.h"
#include "generator/error.h"
#include "generator/families/families.h"
#include "generator/file.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string model, out;
  uint64_t seed = 0;
};

void run(const InitOptions& options) {
  const ModelConfiguration model = read_model_configuration(options.model);
  for (const std::string& warning : model.warnings) fmt::print(stderr, "mambac: warning: {}\n", warning);
  const fs::path out = options.out;
  if (is_present(out) && !(is_folder(out) && fs::is_empty(out))) {
    fail(ExitCode::input, "{}: is there and is not an empty folder; choose another --out or remove it", options.out);
  }
  std::error_code error;
  fs::create_directories(out, error);
  if (error) fail(ExitCode::environment, "{}: cannot be created: {}", options.out, error.message());
  initialize(model, make_graph(model).checkpoint, options.seed, out);
  write_text(out / "config.json", read_text(configuration_file(options.model)));
  fmt::print("{}: config.json and fresh weights (seed {})\n", options.out, options.seed);
}

}  // namespace

void add_init_command(CLI::App& app) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* command = app.add_subcommand("init", "Make a model's folder with freshly initialized weights.");
  command->add_option("model", options->model, "configuration: a folder with config.json, or a JSON file")->required();
  command->add_option("--seed", options->seed, "the same seed gives the same weights on every machine")->required();
  command->add_option("--out", options->out, "new or empty folder for config.json and model.safetensors")->required();
  command->footer("Example:\n  mambac init configs/product-default --seed 1 --out .mambac/product-default-fresh");
  command->callback([options] { run(*options); });
}

}  // namespace mambac
