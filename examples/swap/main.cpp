// New weights while steps go on: one thread opens them, the next step of the other one uses them.
// Link with the artifact of austen-mamba; `mambac pack` makes its second weights file of a checkpoint of the same shapes.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "austen_mamba.h"

// What the two threads share. The one that steps never waits: a load and a store for each step.
struct Exchange {
  std::atomic<const austen_mamba_weights*> newest;            // for the next step
  std::atomic<const austen_mamba_weights*> in_use = nullptr;  // by the last step that began
};

struct alignas(AUSTEN_MAMBA_ALIGNMENT) Memory { unsigned char bytes[AUSTEN_MAMBA_WORKSPACE_BYTES]; };
struct alignas(AUSTEN_MAMBA_ALIGNMENT) State { unsigned char bytes[AUSTEN_MAMBA_STATE_BYTES]; };
static Memory memory;  // zeros that were never touched: the first step writes to them
static State state;
static float logits[AUSTEN_MAMBA_OUTPUT_SIZE];

// Stands for the audio callback or the control loop.
static void step_on(Exchange& exchange, austen_mamba_workspace* workspace, const std::atomic<bool>& stop) {
  using Clock = std::chrono::steady_clock;
  double longest = 0;
  long steps = 0;
  int32_t token = 0;
  while (!stop) {
    const Clock::time_point before = Clock::now();
    const austen_mamba_weights* weights = exchange.newest.load(std::memory_order_acquire);
    exchange.in_use.store(weights, std::memory_order_release);
    austen_mamba_step(weights, workspace, &state, &token, logits);
    token = static_cast<int32_t>(std::max_element(logits, logits + AUSTEN_MAMBA_OUTPUT_SIZE) - logits);
    if (steps > 0) longest = std::max(longest, std::chrono::duration<double, std::micro>(Clock::now() - before).count());
    ++steps;
  }
  std::printf("%ld steps, the longest %.0f us\n", steps, longest);
}

int main(int count, char** arguments) {
  if (count != 3) return std::fputs("usage: swap FIRST.weights SECOND.weights\n", stderr), 2;
  austen_mamba_weights weights[2];
  austen_mamba_workspace* workspace;
  char message[512];
  if (austen_mamba_weights_open(arguments[1], &weights[0], message, sizeof message) != MAMBAC_OK ||
      austen_mamba_workspace_open(&memory, &workspace, message, sizeof message) != MAMBAC_OK) {
    return std::fprintf(stderr, "%s\n", message), 1;
  }
  austen_mamba_state_reset(&state);
  Exchange exchange{&weights[0]};
  std::atomic<bool> stop = false;
  std::thread stepping([&] { step_on(exchange, workspace, stop); });

  for (int swap = 1; swap <= 20; ++swap) {
    austen_mamba_weights *const opened = &weights[swap % 2], *const old = &weights[1 - swap % 2];
    // Verifies every checksum, and so brings every page of the file into memory before a step needs it.
    if (austen_mamba_weights_open(arguments[1 + swap % 2], opened, message, sizeof message) != MAMBAC_OK) {
      std::fprintf(stderr, "%s\n", message);  // the steps go on with what they have
      break;
    }
    exchange.newest.store(opened, std::memory_order_release);
    while (exchange.in_use.load(std::memory_order_acquire) != opened) std::this_thread::yield();
    austen_mamba_weights_close(old);  // no step uses it any more
    std::printf("swap %d\n", swap);
  }
  stop = true;
  stepping.join();
  austen_mamba_workspace_close(workspace);
  austen_mamba_weights_close(&weights[exchange.newest == &weights[1]]);
}
