// mamba1_tiny: how long the programs take on this machine's GPU; those with a count take
// MAMBA1_TINY_FORWARD_TOKENS tokens a call.
//   mamba1_tiny_benchmark mamba1_tiny.weights
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "mamba1_tiny.h"

namespace {

using Clock = std::chrono::steady_clock;

const mambac_device& device = *mamba1_tiny_artifact()->device;

void* allocate(size_t bytes) {
  void* memory = nullptr;
  char message[256];
  if (device.allocate(&memory, bytes, message, sizeof message) == MAMBAC_OK) return memory;
  std::fprintf(stderr, "%s\n", message);
  std::exit(1);
}

void require(int status) {
  if (status == MAMBAC_OK) return;
  std::fprintf(stderr, "%s\n", mamba1_tiny_status_message(status));
  std::exit(1);
}

// Runs `call` for about two seconds, many calls on the stream at a time, and prints the distribution of their times.
template <typename Call>
void measure(const char* name, int calls, Call call) {
  std::vector<double> microseconds;
  for (int warm_up = 0; warm_up < 3; ++warm_up) require(call());
  require(device.synchronize());
  const Clock::time_point end = Clock::now() + std::chrono::seconds(2);
  while (Clock::now() < end) {
    const Clock::time_point start = Clock::now();
    for (int index = 0; index < calls; ++index) require(call());
    require(device.synchronize());
    microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() / calls);
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::printf("%-10s median %10.2f us   least %10.2f us   most %10.2f us   %zu times %d\n", name,
              microseconds[microseconds.size() / 2], microseconds.front(), microseconds.back(), microseconds.size(),
              calls);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: mamba1_tiny_benchmark mamba1_tiny.weights\n", stderr);
    return 2;
  }
  mamba1_tiny_weights weights;
  mamba1_tiny_workspace* workspace;
  char message[512];
  if (mamba1_tiny_weights_open(arguments[1], &weights, message, sizeof message) != MAMBAC_OK ||
      mamba1_tiny_workspace_open(allocate(MAMBA1_TINY_WORKSPACE_BYTES), &workspace, message, sizeof message) !=
          MAMBAC_OK) {
    std::fprintf(stderr, "%s\n", message);
    return 1;
  }
  void* const state = allocate(MAMBA1_TINY_STATE_BYTES);
  require(mamba1_tiny_state_reset(state, nullptr));
  const std::vector<int32_t> zeros(static_cast<size_t>(MAMBA1_TINY_BATCH) * MAMBA1_TINY_FORWARD_TOKENS * 1);
  auto* const input = static_cast<int32_t*>(allocate(zeros.size() * sizeof(int32_t)));
  auto* const output = static_cast<float*>(
      allocate(sizeof(float) * MAMBA1_TINY_BATCH * MAMBA1_TINY_FORWARD_TOKENS * MAMBA1_TINY_OUTPUT_SIZE));
  require(device.copy_to(input, zeros.data(), zeros.size() * sizeof(int32_t)));
  measure("step", 100, [&] { return mamba1_tiny_step(&weights, workspace, state, input, output, nullptr); });
  measure("forward", 10, [&] {
    return mamba1_tiny_forward(&weights, workspace, state, input, MAMBA1_TINY_FORWARD_TOKENS, MAMBAC_LAST, output,
                               nullptr);
  });
  return 0;
}
