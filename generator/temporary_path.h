// What is written under a temporary name and stays behind neither after an error nor after Ctrl-C.
#pragma once

#include <filesystem>
#include <system_error>

namespace mambac {

// A temporary file or folder, there already or not yet. The destructor removes it with all that it holds, unless it has
// been renamed.
class TemporaryPath {
 public:
  explicit TemporaryPath(std::filesystem::path path);
  ~TemporaryPath();
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Takes the place of the file at `target`.
  std::error_code rename_to(const std::filesystem::path& target);
  // Takes the place of the folder at `target`, whose files are then removed; an interruption waits for the end.
  std::error_code replace_folder(const std::filesystem::path& target);

 private:
  std::filesystem::path path_;
};

// From now on SIGINT and SIGTERM remove all temporary paths and then end the process as they would have (a shell sees
// 130 and 143). A signal that the process was started to ignore stays ignored.
void remove_temporary_paths_when_interrupted();

// After such a signal: waits for that end. What went wrong because of the signal need not be reported.
void wait_for_end_if_interrupted();

}  // namespace mambac
