#include "generator/build/compile.h"

#include <cstdlib>

#include "generator/build/build_library.h"
#include "generator/build/tools.h"
#include "generator/emit/emit.h"
#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> compile_options(const Plan& plan) {
  std::vector<std::string> options = arithmetic_options(plan);
  for (const char* option : {"-std=c++20", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-fstack-usage"}) {
    options.push_back(option);
  }
  return options;
}

// What -fstack-usage left beside the objects.
StackUsage read_stack_usage(const std::string& compiler, const fs::path& folder, const fs::path& objects) {
  StackUsage usage{fs::path(compiler).filename().string(), {}};
  // Compilers shorten what a path shares with the working folder: everything up to the folder's own name goes.
  const std::string last = folder.filename().string() + "/";
  for (const auto& entry : fs::directory_iterator(objects)) {
    if (entry.path().extension() != ".su") continue;
    std::string text = read_text(entry.path());
    for (size_t at = text.find(last); at != std::string::npos; at = text.find(last)) {
      const size_t line = text.rfind('\n', at) + 1;  // 0 on the first line
      text.erase(line, at + last.size() - line);
    }
    usage.frames[entry.path().stem().string()] = std::move(text);
  }
  return usage;
}

}  // namespace

std::string find_compiler() {
  if (const char* chosen = std::getenv("CXX"); chosen && *chosen) {
    const std::string path = find_program(chosen);
    if (path.empty()) fail(ExitCode::environment, "the compiler '{}' that $CXX names was not found", chosen);
    return path;
  }
  for (const char* name : {"clang++-19", "g++", "clang++", "c++"}) {
    if (std::string path = find_program(name); !path.empty()) return path;
  }
  fail(ExitCode::environment,
       "no C++ compiler was found; install clang-19 or g++, set $CXX, or use `mambac generate` for the sources alone");
}

StackUsage compile(const Plan& plan, const fs::path& folder) {
  const std::string compiler = find_compiler();
  std::vector<std::string> command = compile_options(plan);
  command.insert(command.begin(), compiler);
  std::vector<std::string> link = {compiler, "-shared", "-Wl,--no-undefined", "-Wl,-soname,lib" + plan.name + ".so"};
  if (plan.deployment.threads > 1) link.push_back("-pthread");
  const fs::path objects = build_library(plan, folder, command, link);
  StackUsage usage = read_stack_usage(compiler, folder, objects);
  fs::remove_all(objects);
  return usage;
}

}  // namespace mambac
