#include "generator/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace mambac {

Progress::Progress(std::string label, int64_t total)
    : label_(std::move(label)), total_(total), terminal_(isatty(STDERR_FILENO)) {}

Progress::~Progress() {
  if (terminal_ && last_shown_ > 0) fmt::print(stderr, "\r\033[K");
}

void Progress::add(int64_t amount) {
  const std::lock_guard lock(mutex_);
  done_ += amount;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double interval = terminal_ ? 0.2 : 10.0;
  if (seconds < 1.0 || seconds - last_shown_ < interval) return;
  last_shown_ = seconds;
  show(seconds);
}

void Progress::note(std::string text) {
  const std::lock_guard lock(mutex_);
  note_ = std::move(text);
}

void Progress::show(double seconds) {
  const double part = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 0.0;
  const double left = part > 0 ? seconds / part - seconds : 0.0;
  const std::string line = fmt::format("{}: {:3.0f}%, {}{:.0f} s, about {:.0f} s left", label_, 100 * part,
                                       note_.empty() ? "" : note_ + ", ", seconds, left);
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace mambac
