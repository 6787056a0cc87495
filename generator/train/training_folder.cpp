#include "generator/train/training_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "generator/checkpoint/safetensors.h"
#include "generator/configuration/model_folder.h"
#include "generator/error.h"
#include "generator/file.h"
#include "generator/shape.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

constexpr const char* recipe_file = "training.json";
constexpr const char* state_file = "training.safetensors";

}  // namespace

TrainingFolder::TrainingFolder(fs::path path, nlohmann::ordered_json recipe, std::span<const mambac_parameter> table)
    : path_(std::move(path)), recipe_(std::move(recipe)), table_(table) {}

void TrainingFolder::begin(const fs::path& model) {
  if (is_present(path_) && !(is_folder(path_) && fs::is_empty(path_))) {
    fail(ExitCode::input, "{}: is there and is not an empty folder; choose another --out, or go on with --resume {}",
         path_.string(), path_.string());
  }
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail(ExitCode::environment, "{}: cannot be created: {}", path_.string(), error.message());
  copy_companions(model, path_);
  write_text(path_ / recipe_file, recipe_.dump(1) + "\n");
}

void TrainingFolder::resume(TrainingState& state, std::vector<LossPoint>& losses) const {
  if (!is_present(path_ / recipe_file) || !is_present(path_ / state_file)) {
    fail(ExitCode::input, "{}: there is nothing to resume: {} is missing", path_.string(),
         is_present(path_ / recipe_file) ? state_file : recipe_file);
  }
  const auto found = nlohmann::ordered_json::parse(read_text(path_ / recipe_file), nullptr, false);
  for (const auto& [name, value] : recipe_.items()) {
    if (!found.is_object() || !found.contains(name) || found.at(name) != value) {
      fail(ExitCode::input, "{}: is a run of another {}: {} there, {} here", (path_ / recipe_file).string(), name,
           found.is_object() && found.contains(name) ? found.at(name).dump() : "none", value.dump());
    }
  }
  const SafetensorsFile file = SafetensorsFile::open(path_ / state_file);
  const auto read = [&](const std::string& prefix, ManyFloats& values) {
    for (const mambac_parameter& parameter : table_) {
      const std::string name = prefix + parameter.name;
      if (!file.has(name) || !std::ranges::equal(file.at(name).shape, shape_of(parameter))) {
        fail(ExitCode::input, "{}: the tensor `{}` is missing or of another shape", (path_ / state_file).string(),
             name);
      }
      file.at(name).read(0, std::span(values).subspan(parameter.offset, element_count(shape_of(parameter))));
    }
  };
  read("", state.parameters);
  read("first_moment.", state.first_moments);
  read("second_moment.", state.second_moments);
  if (!file.has("steps")) fail(ExitCode::input, "{}: the tensor `steps` is missing", (path_ / state_file).string());
  state.steps = static_cast<int64_t>(file.at("steps").at(0));
  if (is_present(path_ / "loss.csv")) losses = read_loss_csv(path_ / "loss.csv");
  std::erase_if(losses, [&](const LossPoint& point) { return point.step >= state.steps; });
}

void TrainingFolder::save(const TrainingState& state, const std::vector<LossPoint>& losses) const {
  std::vector<OutputTensor> model, all;
  const std::array<double, 1> steps{static_cast<double>(state.steps)};
  const auto add = [&](const std::string& prefix, const ManyFloats& values, std::vector<OutputTensor>& to) {
    for (const mambac_parameter& parameter : table_) {
      const std::span<const int64_t> shape = shape_of(parameter);
      to.push_back(output_tensor(prefix + parameter.name, {shape.begin(), shape.end()},
                                 std::span(values).subspan(parameter.offset, element_count(shape_of(parameter)))));
    }
  };
  add("", state.parameters, model);
  all = model;
  add("first_moment.", state.first_moments, all);
  add("second_moment.", state.second_moments, all);
  all.push_back(output_tensor("steps", {1}, std::span<const double>(steps)));
  // The losses before the state: a run that is killed between them measures again what came since the state, and drops
  // those lines. The other way round, lines would be missing for good.
  write_text(path_ / "loss.csv", loss_csv(losses));
  write_safetensors(path_ / state_file, all);
  write_safetensors(path_ / "model.safetensors", model);
  write_text(path_ / "loss.svg", loss_svg(losses));
}

}  // namespace mambac
