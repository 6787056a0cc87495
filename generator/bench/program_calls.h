// A program of an artifact, ready to be called again and again for its time: inputs made beforehand, the state going on
// from call to call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generator/bench/random_inputs.h"
#include "generator/run/host.h"
#include "generator/run/machine_limits.h"

namespace mambac {

class ProgramCalls {
 public:
  // `name`: "step"; "forward" of `tokens` tokens with the outputs of the last one; or "train", of `tokens` tokens with
  // all outputs, and backward, and packing before them: a training step but for its loss and optimizer.
  ProgramCalls(const Artifact& artifact, std::string name, int32_t tokens);

  void call();  // allocates nothing

  const std::string& name() const { return name_; }
  int32_t tokens() const { return tokens_; }
  const Work& work() const { return work_; }
  std::vector<std::byte> state() const { return session_.state(); }
  void set_state(std::span<const std::byte> bytes) { session_.set_state(bytes); }

 private:
  const void* next_input();
  void train(const void* input);

  const mambac_artifact& table_;
  std::string name_;
  int32_t tokens_;
  Session session_;
  size_t stride_;  // tokens or values of one call's input
  RandomInputs inputs_;
  std::vector<float> output_;
  Work work_;
  size_t calls_ = 0;

  // Of training.
  std::optional<ArtifactMemory> tape_, packed_, parameters_, gradients_;
  std::vector<float> d_outputs_;
};

}  // namespace mambac
