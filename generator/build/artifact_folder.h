// The folder that an artifact is written into: complete or not there at all.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace mambac {

// Files are written to a folder beside `path`, which takes its place by commit(). Without commit() it is removed and
// what was there before stays.
class ArtifactFolder {
 public:
  // Throws Error: `path` exists and is not an artifact of mambac (ExitCode::input), or cannot be written
  // (ExitCode::environment).
  explicit ArtifactFolder(const std::filesystem::path& path);
  ~ArtifactFolder();
  ArtifactFolder(const ArtifactFolder&) = delete;
  ArtifactFolder& operator=(const ArtifactFolder&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }  // where to write
  void write(const std::map<std::string, std::string>& files);           // text by path inside the folder
  void commit();

 private:
  std::filesystem::path path_, temporary_;
};

}  // namespace mambac
