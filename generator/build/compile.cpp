#include "generator/build/compile.h"

#include <llvm/Support/Program.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>

#include "generator/emit/emit.h"
#include "generator/error.h"
#include "generator/file.h"
#include "generator/progress.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

std::string find_program(const std::string& name) {
  const auto found = llvm::sys::findProgramByName(name);
  return found ? *found : "";
}

// Runs a command; its output goes to `log`. Throws Error with the beginning of that output if it fails.
void run(const std::vector<std::string>& command, const fs::path& log) {
  const std::vector<llvm::StringRef> arguments(command.begin(), command.end());
  const std::string log_name = log.string();
  const std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), llvm::StringRef(log_name),
                                                      llvm::StringRef(log_name)};
  std::string message;
  const int status = llvm::sys::ExecuteAndWait(command[0], arguments, std::nullopt, redirects, 0, 0, &message);
  if (status != 0) {
    fail(ExitCode::environment, "{} failed with exit code {}:\n{}{}", fmt::join(command, " "), status, message,
         fs::exists(log) ? read_text(log).substr(0, 4000) : "");
  }
  fs::remove(log);
}

std::vector<std::string> compile_options(const Plan& plan) {
  std::vector<std::string> options = arithmetic_options(plan);
  for (const char* option : {"-std=c++20", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-fstack-usage"}) {
    options.push_back(option);
  }
  return options;
}

// Runs `work(index)` for every index below `count` on as many threads as the machine has, or as it lets start; throws
// the first Error.
template <typename Work>
void in_parallel(size_t count, Work work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  const auto serve = [&] {
    for (size_t index = next++; index < count; index = next++) {
      try {
        work(index);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned index = 1; index < std::max(1u, std::thread::hardware_concurrency()); ++index) {
    try {
      threads.emplace_back(serve);
    } catch (const std::system_error&) {
      break;
    }
  }
  serve();
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

// "NAME.cpp" becomes "NAME.o", "runtime/status.cpp" "runtime-status.o": no NAME holds a '-'.
std::string object_name(const fs::path& source, const fs::path& folder) {
  std::string name = source.lexically_relative(folder).replace_extension(".o").string();
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
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
  std::vector<fs::path> sources;
  for (const fs::path& place : {folder, folder / "runtime"}) {
    for (const auto& entry : fs::directory_iterator(place)) {
      const std::string name = entry.path().filename().string();
      const bool program = name == plan.name + "_test.cpp" || name == plan.name + "_benchmark.cpp";
      if (entry.path().extension() == ".cpp" && !program) sources.push_back(entry.path());
    }
  }
  // The longest first; the order is the same on every machine.
  std::sort(sources.begin(), sources.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(fs::file_size(b), a) < std::pair(fs::file_size(a), b);
  });
  const fs::path library = folder / "lib", objects = folder / "objects";
  fs::create_directories(library);
  fs::create_directories(objects);
  std::vector<std::string> object_files;
  for (const fs::path& source : sources) object_files.push_back((objects / object_name(source, folder)).string());

  Progress progress("compiling", static_cast<int64_t>(sources.size()) + 1);
  in_parallel(sources.size(), [&](size_t index) {
    std::vector<std::string> command = {compiler};
    for (const std::string& option : compile_options(plan)) command.push_back(option);
    for (const std::string& word : {std::string("-I"), folder.string(), std::string("-c"), sources[index].string(),
                                    std::string("-o"), object_files[index]}) {
      command.push_back(word);
    }
    run(command, object_files[index] + ".log");
    progress.add(1);
  });

  const std::string archiver = find_program("ar");
  if (archiver.empty()) fail(ExitCode::environment, "the program 'ar' was not found; install binutils");
  // D: no dates or owners in the archive, the same bytes on every machine.
  std::vector<std::string> archive = {archiver, "rcsD", (library / ("lib" + plan.name + ".a")).string()};
  std::vector<std::string> link = {compiler,
                                   "-shared",
                                   "-Wl,--no-undefined",
                                   "-Wl,-soname,lib" + plan.name + ".so",
                                   "-o",
                                   (library / ("lib" + plan.name + ".so")).string()};
  archive.insert(archive.end(), object_files.begin(), object_files.end());
  link.insert(link.end(), object_files.begin(), object_files.end());
  if (plan.deployment.threads > 1) link.push_back("-pthread");
  run(archive, objects / "archive.log");
  run(link, objects / "link.log");
  progress.add(1);
  StackUsage usage = read_stack_usage(compiler, folder, objects);
  fs::remove_all(objects);
  return usage;
}

}  // namespace mambac
