// The losses of a run, as a table and as a picture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mambac {

struct LossPoint {
  int64_t step = 0;
  double loss = 0;
  bool validation = false;
};

// step,loss,validation with 17 digits: the bits come back.
std::string loss_csv(const std::vector<LossPoint>& points);
// Throws Error (ExitCode::input) if it is not such a table.
std::vector<LossPoint> read_loss_csv(const std::filesystem::path& path);

// Loss over steps: the training loss as a line, the validation loss as dots.
std::string loss_svg(const std::vector<LossPoint>& points);

}  // namespace mambac
