// Training with an artifact's own programs: batches of windows, losses, gradients, and steps of AdamW.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "generator/huge_pages.h"
#include "generator/run/host.h"
#include "generator/train/training_data.h"

namespace mambac {

// How a model is trained.
struct TrainingRecipe {
  int64_t steps = 1000;
  double learning_rate = 1e-3;  // at its peak
  int64_t warm_up = 30;         // steps
  double least_rate = 0.1;      // share of the peak at the end of the cosine
  double weight_decay = 0.1;
  double most_norm = 1;  // of the gradients
  uint64_t seed = 1;     // of the windows
};

// Everything that changes from step to step.
struct TrainingState {
  int64_t steps = 0;  // taken
  ManyFloats parameters, first_moments, second_moments;
};

class Trainer {
 public:
  // The artifact's batch and train_tokens are the batch. `data` must hold a window; throws Error (ExitCode::input).
  Trainer(const Artifact& artifact, const TrainingRecipe& recipe, const TrainingData& data);

  // One step on random windows from a zero state; returns the loss before it. Throws Error (ExitCode::difference) if it
  // is not finite: names the step, the sequence of the batch and the first layer whose output was not.
  double step(TrainingState& state);

  // The mean loss over consecutive windows of `data` from a zero state.
  double validate(const TrainingState& state, const TrainingData& data);

 private:
  double forward(const Windows& windows);  // leaves the loss's gradient in outputs_
  [[noreturn]] void report_not_finite(int64_t step, double loss) const;

  const Artifact& artifact_;
  const mambac_artifact& table_;
  const TrainingRecipe recipe_;
  const TrainingData& data_;
  Session session_;
  ArtifactMemory packed_, tape_;
  mambac_weights weights_{};
  std::vector<float> outputs_;
  ManyFloats gradients_;
};

}  // namespace mambac
