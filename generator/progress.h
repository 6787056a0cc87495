// A line on stderr that shows how far something has come, once it takes longer than a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace mambac {

// On a terminal the line is drawn anew a few times a second; elsewhere one line is printed every ten seconds.
// The destructor clears or ends it. Any thread may call add().
class Progress {
 public:
  Progress(std::string label, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(int64_t amount);
  void note(std::string text);  // is shown behind the label from the next add() on

 private:
  using Clock = std::chrono::steady_clock;

  void show(double seconds);

  const std::string label_;
  const int64_t total_;
  const bool terminal_;
  const Clock::time_point start_ = Clock::now();
  std::mutex mutex_;
  int64_t done_ = 0;
  std::string note_;
  double last_shown_ = 0;  // seconds after the start; 0: never
};

}  // namespace mambac
