#include "generator/temporary_path.h"

#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace mambac {
namespace {

namespace fs = std::filesystem;

std::mutex mutex;  // of `present`; held for ever by the thread that ends the process
std::set<fs::path> present;

std::atomic<int> interruption = 0;  // the first signal that arrived
sem_t arrival;

void on_signal(int signal) {
  int none = 0;
  if (interruption.compare_exchange_strong(none, signal)) sem_post(&arrival);
}

// A thread of its own, since a signal's handler may neither allocate nor lock.
void end_when_interrupted() {
  while (sem_wait(&arrival) != 0) {  // a signal woke it too early
  }
  mutex.lock();
  std::error_code ignored;
  for (const fs::path& path : present) fs::remove_all(path, ignored);
  signal(interruption, SIG_DFL);
  raise(interruption);
}

}  // namespace

TemporaryPath::TemporaryPath(fs::path path) : path_(std::move(path)) {
  const std::lock_guard lock(mutex);
  present.insert(path_);
}

TemporaryPath::~TemporaryPath() {
  const std::lock_guard lock(mutex);
  if (present.erase(path_) == 0) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::error_code TemporaryPath::rename_to(const fs::path& target) {
  const std::lock_guard lock(mutex);
  std::error_code error;
  fs::rename(path_, target, error);
  if (!error) present.erase(path_);
  return error;
}

std::error_code TemporaryPath::replace_folder(const fs::path& target) {
  const std::lock_guard lock(mutex);
  const fs::path replaced = path_.string() + ".replaced";
  std::error_code error, ignored;
  const bool replaces = fs::exists(target, ignored);
  if (replaces) fs::rename(target, replaced, error);
  if (error) return error;
  fs::rename(path_, target, error);
  if (error) {
    if (replaces) fs::rename(replaced, target, ignored);
    return error;
  }
  present.erase(path_);
  fs::remove_all(replaced, ignored);
  return error;
}

void remove_temporary_paths_when_interrupted() {
  sem_init(&arrival, 0, 0);
  std::thread(end_when_interrupted).detach();
  for (const int number : {SIGINT, SIGTERM}) {
    if (signal(number, on_signal) == SIG_IGN) signal(number, SIG_IGN);
  }
}

void wait_for_end_if_interrupted() {
  while (interruption != 0) pause();
}

}  // namespace mambac
