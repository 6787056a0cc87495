// The folder of a run: a Hugging Face model (config.json, model.safetensors, tokenizer.json), loss.csv, loss.svg, and
// what a later run goes on from (training.json, training.safetensors).
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "generator/train/loss_curve.h"
#include "generator/train/trainer.h"
#include "runtime/mambac.h"

namespace mambac {

class TrainingFolder {
 public:
  // `recipe`: everything that decides the losses of a run; written as training.json, and compared when it is resumed.
  TrainingFolder(std::filesystem::path path, nlohmann::ordered_json recipe, std::span<const mambac_parameter> table);

  // Begins a run in a new or empty folder with the model's companions. Throws Error (ExitCode::input) otherwise.
  void begin(const std::filesystem::path& model);

  // What the last save left. Throws Error (ExitCode::input) that says what is missing, damaged or of another run.
  void resume(TrainingState& state, std::vector<LossPoint>& losses) const;

  // Each file is replaced as a whole; a run that is killed between two of them goes on from training.safetensors.
  void save(const TrainingState& state, const std::vector<LossPoint>& losses) const;

 private:
  std::filesystem::path path_;
  nlohmann::ordered_json recipe_;
  std::span<const mambac_parameter> table_;
};

}  // namespace mambac
