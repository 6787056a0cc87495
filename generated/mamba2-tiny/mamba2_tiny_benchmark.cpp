// mamba2_tiny: how long a step and a forward take on this machine.
//   mamba2_tiny_benchmark mamba2_tiny.weights
// Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <vector>

#include "mamba2_tiny.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Free {
  void operator()(void* memory) const { ::operator delete(memory, std::align_val_t(MAMBA2_TINY_ALIGNMENT)); }
};
using Memory = std::unique_ptr<void, Free>;
Memory allocate(size_t bytes) { return Memory(::operator new(bytes, std::align_val_t(MAMBA2_TINY_ALIGNMENT))); }

// Runs `call` for about two seconds and prints the distribution of its times.
template <typename Call>
void measure(const char* name, Call call) {
  std::vector<double> microseconds;
  microseconds.reserve(1 << 20);
  for (int warm_up = 0; warm_up < 3; ++warm_up) call();
  const Clock::time_point end = Clock::now() + std::chrono::seconds(2);
  while (Clock::now() < end && microseconds.size() < microseconds.capacity()) {
    const Clock::time_point start = Clock::now();
    call();
    microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(microseconds.begin(), microseconds.end());
  const size_t samples = microseconds.size();
  std::printf("%-10s median %10.2f us   p99 %10.2f us   max %10.2f us   %zu calls\n", name, microseconds[samples / 2],
              microseconds[samples * 99 / 100], microseconds.back(), samples);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: mamba2_tiny_benchmark mamba2_tiny.weights\n", stderr);
    return 2;
  }
  mamba2_tiny_weights weights;
  mamba2_tiny_workspace* workspace;
  char message[512];
  const Memory memory = allocate(MAMBA2_TINY_WORKSPACE_BYTES), state = allocate(MAMBA2_TINY_STATE_BYTES);
  if (mamba2_tiny_weights_open(arguments[1], &weights, message, sizeof message) != MAMBAC_OK ||
      mamba2_tiny_workspace_open(memory.get(), &workspace, message, sizeof message) != MAMBAC_OK) {
    std::fprintf(stderr, "%s\n", message);
    return 1;
  }
  mamba2_tiny_state_reset(state.get());
  const std::vector<int32_t> input(static_cast<size_t>(MAMBA2_TINY_BATCH) * MAMBA2_TINY_FORWARD_TOKENS * 1);
  std::vector<float> output(static_cast<size_t>(MAMBA2_TINY_BATCH) * MAMBA2_TINY_FORWARD_TOKENS *
                            MAMBA2_TINY_OUTPUT_SIZE);
  measure("step", [&] { mamba2_tiny_step(&weights, workspace, state.get(), input.data(), output.data()); });
  measure("forward", [&] {
    mamba2_tiny_forward(&weights, workspace, state.get(), input.data(), MAMBA2_TINY_FORWARD_TOKENS, MAMBAC_ALL,
                        output.data());
  });
  mamba2_tiny_workspace_close(workspace);
  mamba2_tiny_weights_close(&weights);
}
