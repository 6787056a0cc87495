// Models of shapes that no published one has, where vectors, panels and segments do not fit.
#pragma once

#include <filesystem>
#include <vector>

namespace mambac {

struct OddShape {
  const char* name;
  const char* configuration;
};

const std::vector<OddShape>& odd_shapes();

// A model's folder with weights none of which has a neutral value.
std::filesystem::path make_odd_model(const OddShape& shape);

}  // namespace mambac
