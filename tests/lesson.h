// Something small to learn, for tests of `mambac train`.
#pragma once

#include <filesystem>
#include <string>

namespace mambac {

// Folder of a test with a configuration and a file to learn.
struct Lesson {
  Lesson(const std::string& model, const std::string& text);

  std::filesystem::path folder;
  std::string configuration, data, out;
};

extern const char* const byte_model;    // a token a byte, one layer
extern const char* const series_model;  // one number a row

std::string sentence(int times);
Lesson byte_lesson();

// `train` of byte_lesson with `more` options.
std::string byte_arguments(const Lesson& lesson, const std::string& more);

// The last training or validation loss in a folder's loss.csv.
double last_loss(const std::filesystem::path& folder, bool validation);

// Kills a run `kills` times while it saves or shortly after, and resumes it each time: in the end its losses and
// weights have the bits of a run that was left alone.
void expect_the_same_after(int kills);

}  // namespace mambac
