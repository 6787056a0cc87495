// A model's weights as the plan wants them: every tensor there, of the right shape and of a type that can be packed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "generator/checkpoint/safetensors.h"
#include "generator/plan/plan.h"

namespace mambac {

class Checkpoint {
 public:
  // `path` as for SafetensorsFile::open, which also says what is thrown.
  explicit Checkpoint(const std::filesystem::path& path);

  // Whether a model's folder (or the folder of its config.json) holds weights at all.
  static bool exists(const std::filesystem::path& path);

  // Whether the matrices are stored in 16 bits: decides `weights: auto`.
  bool matrices_are_16_bit() const;

  // Throws Error (ExitCode::input) that names the first tensor that is missing, of another shape or not of a floating
  // type. Returns a sentence for each tensor that the model does not use.
  std::vector<std::string> check(const std::vector<CheckpointTensor>& wanted) const;

  // By the name in Hugging Face's spelling; mamba_ssm's is understood too.
  const TensorView& at(const std::string& name) const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  std::string stored_name(const std::string& name) const;

  SafetensorsFile file_;
};

// What to do about a model without weights, in a sentence that names what its folder lacks.
std::string how_to_get_weights(const std::filesystem::path& path);

}  // namespace mambac
