// Stage 5: the checkpoint's tensors in the artifact's own layout, as one weights file.
#pragma once

#include <filesystem>

#include "generator/checkpoint/checkpoint.h"
#include "generator/plan/plan.h"

namespace mambac {

// Writes the weights file of `plan` (runtime/weights_format.h) under a temporary name and renames it. Tensors stream
// through a buffer of one panel. Throws Error: a NaN or infinite weight by name and position (ExitCode::input), a full
// disk or no permission (ExitCode::environment).
void pack_weights(const Plan& plan, const Checkpoint& checkpoint, const std::filesystem::path& path);

}  // namespace mambac
