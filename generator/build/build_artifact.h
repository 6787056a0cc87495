// All stages in their order: a model's folder and options become an artifact's folder.
#pragma once

#include <filesystem>

#include "generator/build/build_request.h"

namespace mambac {

struct BuiltArtifact {
  Plan plan;
  bool has_weights = false;
};

// Writes sources, and with `compiled` weights and libraries too, to `out`: complete, or not at all. Throws what the
// stages throw.
BuiltArtifact build_artifact(const BuildRequest& request, const std::filesystem::path& out, bool compiled);

}  // namespace mambac
