// The folder that an artifact is written into: complete or not there at all.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "generator/temporary_path.h"

namespace mambac {

// Files are written to a folder beside `path`, which takes its place by commit(). Without commit() it is removed and
// what was there before stays. An artifact that is there is replaced only if it holds nothing but its own files.
class ArtifactFolder {
 public:
  // Throws Error: `path` exists and is not an artifact of mambac, or holds a file of somebody else
  // (ExitCode::input); or it cannot be written (ExitCode::environment).
  explicit ArtifactFolder(const std::filesystem::path& path);

  const std::filesystem::path& temporary() const { return temporary_.path(); }  // where to write
  void write(const std::map<std::string, std::string>& files);                  // text by path inside the folder
  void commit();

 private:
  void check_replaceable() const;

  std::filesystem::path given_;  // as the user wrote it
  std::filesystem::path path_;
  TemporaryPath temporary_;
};

}  // namespace mambac
