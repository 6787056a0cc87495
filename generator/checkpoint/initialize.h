// Fresh weights, so that any shape can be built and timed without a checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "generator/configuration/model_configuration.h"
#include "generator/plan/plan.h"

namespace mambac {

// Writes `folder`/model.safetensors (F32): each tensor with the initial values that training would begin with. The same
// model and seed give the same bytes on every machine, whatever the order of the tensors. Streams: no tensor is held as
// a whole.
void initialize(const ModelConfiguration& model, const std::vector<CheckpointTensor>& tensors, uint64_t seed,
                const std::filesystem::path& folder);

}  // namespace mambac
