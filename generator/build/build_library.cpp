#include "generator/build/build_library.h"

#include <algorithm>

#include "generator/build/tools.h"
#include "generator/error.h"
#include "generator/progress.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// The sources of the library, the longest first: all but test and benchmark.
std::vector<fs::path> library_sources(const Plan& plan, const fs::path& folder) {
  std::vector<fs::path> sources;
  for (const fs::path& place : {folder, folder / "runtime"}) {
    for (const auto& entry : fs::directory_iterator(place)) {
      const std::string name = entry.path().filename().string();
      const std::string extension = entry.path().extension().string();
      const bool program = name == plan.name + "_test.cpp" || name == plan.name + "_benchmark.cpp";
      if ((extension == ".cpp" || extension == ".cu") && !program) sources.push_back(entry.path());
    }
  }
  // The longest first; the order is the same on every machine.
  std::sort(sources.begin(), sources.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(fs::file_size(b), a) < std::pair(fs::file_size(a), b);
  });
  return sources;
}

// "NAME.cpp" becomes "NAME.o", "runtime/status.cpp" "runtime-status.o": no NAME holds a '-'.
std::string object_name(const fs::path& source, const fs::path& folder) {
  std::string name = source.lexically_relative(folder).replace_extension(".o").string();
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

// lib/libNAME.a of the objects.
void archive_objects(const Plan& plan, const fs::path& folder, const std::vector<std::string>& objects) {
  const std::string archiver = find_program("ar");
  if (archiver.empty()) fail(ExitCode::environment, "the program 'ar' was not found; install binutils");
  // D: no dates or owners in the archive, the same bytes on every machine.
  std::vector<std::string> archive = {archiver, "rcsD", (folder / "lib" / ("lib" + plan.name + ".a")).string()};
  archive.insert(archive.end(), objects.begin(), objects.end());
  run_tool(archive, folder / "lib" / "archive.log");
}

}  // namespace

fs::path build_library(const Plan& plan, const fs::path& folder, const std::vector<std::string>& compile,
                       std::vector<std::string> link, const std::function<void(const std::string&)>& read_output) {
  const std::vector<fs::path> sources = library_sources(plan, folder);
  const fs::path library = folder / "lib", objects = folder / "objects";
  fs::create_directories(library);
  fs::create_directories(objects);
  std::vector<std::string> object_files;
  for (const fs::path& source : sources) object_files.push_back((objects / object_name(source, folder)).string());

  Progress progress("compiling", static_cast<int64_t>(sources.size()) + 1);
  in_parallel(sources.size(), [&](size_t index) {
    std::vector<std::string> command = compile;
    command.insert(command.end(), {"-I", folder.string(), "-c", sources[index].string(), "-o", object_files[index]});
    const std::string output = run_tool(command, object_files[index] + ".log");
    if (read_output) read_output(output);
    progress.add(1);
  });
  archive_objects(plan, folder, object_files);
  link.insert(link.end(), {"-o", (library / ("lib" + plan.name + ".so")).string()});
  link.insert(link.end(), object_files.begin(), object_files.end());
  run_tool(link, objects / "link.log");
  progress.add(1);
  return objects;
}

}  // namespace mambac
