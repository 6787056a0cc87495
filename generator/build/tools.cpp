#include "generator/build/tools.h"

#include <llvm/Support/Program.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "generator/error.h"
#include "generator/file.h"

namespace mambac {

namespace fs = std::filesystem;

std::string find_program(const std::string& name) {
  const auto found = llvm::sys::findProgramByName(name);
  return found ? *found : "";
}

std::string run_tool(const std::vector<std::string>& command, const fs::path& log) {
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
  std::string output = fs::exists(log) ? read_text(log) : "";
  fs::remove(log);
  return output;
}

void in_parallel(size_t count, const std::function<void(size_t)>& work) {
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

}  // namespace mambac
