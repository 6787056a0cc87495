// `mambac pack`: the weights file alone, for a library that is there already or that another build system compiles.
#include "generator/build/pack.h"

#include <fmt/format.h>

#include <memory>

#include "generator/build/build_request.h"
#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/plan/stored_plan.h"

namespace mambac {
namespace {

struct PackOptions {
  BuildRequest request;
  std::string out;
};

// The library beside the weights file must take it.
void check_belongs(const Plan& plan, const std::filesystem::path& out) {
  const std::filesystem::path folder = std::filesystem::absolute(out).parent_path();
  if (!is_artifact(folder)) return;
  const nlohmann::ordered_json stored = read_plan(folder);
  if (stored["hash"] == plan.hash) return;
  fail(ExitCode::input,
       "{}: the library beside it would refuse these weights: {}; give the options that it was built with, or choose "
       "another --out",
       out.string(), first_difference(stored, nlohmann::ordered_json::parse(to_text(plan))));
}

void run(const PackOptions& options) {
  const PlannedModel model = plan_model(options.request);
  if (!model.checkpoint) {
    fail(ExitCode::input, "{}: has no weights to pack: {}", options.request.model,
         how_to_get_weights(options.request.model));
  }
  check_belongs(model.plan, options.out);
  pack_weights(model.plan, *model.checkpoint, options.out);
  fmt::print("{}: weights of {}, plan {}\n", options.out, model.plan.name, model.plan.hash);
}

}  // namespace

void add_pack_command(CLI::App& app) {
  auto options = std::make_shared<PackOptions>();
  CLI::App* command = app.add_subcommand("pack", "Pack the weights alone: of a checkpoint of the same shape.");
  add_build_options(*command, options->request);
  command->add_option("--out", options->out, "weights file to write")->required();
  command->footer(
      "Example, for a library built with the same options:\n"
      "  mambac pack FOLDER --name austen_mamba --out .mambac/austen-mamba/austen_mamba.weights");
  command->callback([options] { run(*options); });
}

}  // namespace mambac
