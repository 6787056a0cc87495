// mamba2_tiny: tests of the contracts that the header states, on this machine and these weights.
//   mamba2_tiny_test mamba2_tiny.weights
// Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "mamba2_tiny.h"

namespace {

constexpr int batch = MAMBA2_TINY_BATCH, outputs = MAMBA2_TINY_OUTPUT_SIZE;
constexpr int tokens = MAMBA2_TINY_FORWARD_TOKENS < 24 ? MAMBA2_TINY_FORWARD_TOKENS : 24;  // of a test's text
constexpr int input_width = 1;  // values of one token's input
using Input = int32_t;

int failures = 0;

void expect(bool condition, const char* what) {
  std::printf("%s  %s\n", condition ? "ok    " : "FAILED", what);
  failures += !condition;
}

struct Free {
  void operator()(void* memory) const { ::operator delete(memory, std::align_val_t(MAMBA2_TINY_ALIGNMENT)); }
};
using Memory = std::unique_ptr<void, Free>;
Memory allocate(size_t bytes) { return Memory(::operator new(bytes, std::align_val_t(MAMBA2_TINY_ALIGNMENT))); }

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Input of `sequence` at `token`, the same in every test.
Input input_at(int sequence, int token, int index) {
  const uint32_t mixed = (static_cast<uint32_t>(sequence * tokens + token) * input_width + index + 1) * 2654435761u;
  return static_cast<Input>(mixed % MAMBA2_TINY_VOCABULARY);
}

// An opened workspace and a fresh state.
struct Session {
  Memory workspace_memory = allocate(MAMBA2_TINY_WORKSPACE_BYTES), state = allocate(MAMBA2_TINY_STATE_BYTES);
  mamba2_tiny_workspace* workspace = nullptr;

  Session() {
    char message[256];
    if (mamba2_tiny_workspace_open(workspace_memory.get(), &workspace, message, sizeof message)) std::puts(message);
    mamba2_tiny_state_reset(state.get());
  }
  ~Session() { mamba2_tiny_workspace_close(workspace); }
  std::vector<float> state_floats() const {
    std::vector<float> values(MAMBA2_TINY_STATE_BYTES / sizeof(float));
    std::memcpy(values.data(), state.get(), MAMBA2_TINY_STATE_BYTES);
    return values;
  }
};

// Tokens [first, first + count) of every sequence, (batch, count); `shift` renumbers the sequences.
std::vector<Input> inputs(int first, int count, int shift = 0) {
  std::vector<Input> values;
  for (int sequence = 0; sequence < batch; ++sequence) {
    for (int token = first; token < first + count; ++token) {
      for (int index = 0; index < input_width; ++index) {
        values.push_back(input_at((sequence + shift) % batch, token, index));
      }
    }
  }
  return values;
}

// Outputs (batch, tokens, outputs) of one step after the other.
std::vector<float> by_steps(const mamba2_tiny_weights* weights, Session& session, int shift = 0) {
  std::vector<float> all(static_cast<size_t>(batch) * tokens * outputs), one(static_cast<size_t>(batch) * outputs);
  for (int token = 0; token < tokens; ++token) {
    const std::vector<Input> input = inputs(token, 1, shift);
    const int status = mamba2_tiny_step(weights, session.workspace, session.state.get(), input.data(), one.data());
    if (status != MAMBAC_OK) std::puts(mamba2_tiny_status_message(status));
    for (int sequence = 0; sequence < batch; ++sequence) {
      std::memcpy(&all[(static_cast<size_t>(sequence) * tokens + token) * outputs], &one[sequence * outputs],
                  outputs * sizeof(float));
    }
  }
  return all;
}

// Adds the outputs of a forward over tokens [first, first + count) to `all`.
void by_forward(const mamba2_tiny_weights* weights, Session& session, int first, int count, std::vector<float>& all) {
  if (count == 0) return;
  const std::vector<Input> input = inputs(first, count);
  std::vector<float> block(static_cast<size_t>(batch) * count * outputs);
  const int status = mamba2_tiny_forward(weights, session.workspace, session.state.get(), input.data(), count,
                                         MAMBAC_ALL, block.data());
  if (status != MAMBAC_OK) std::puts(mamba2_tiny_status_message(status));
  for (int sequence = 0; sequence < batch; ++sequence) {
    std::memcpy(&all[(static_cast<size_t>(sequence) * tokens + first) * outputs],
                &block[static_cast<size_t>(sequence) * count * outputs], count * outputs * sizeof(float));
  }
}

void test_step_is_forward(const mamba2_tiny_weights* weights) {
  Session stepped;
  const std::vector<float> expected = by_steps(weights, stepped);
  bool same_outputs = true, same_states = true;
  for (int split = 0; split < tokens; ++split) {
    Session session;
    std::vector<float> found(expected.size());
    by_forward(weights, session, 0, split, found);
    by_forward(weights, session, split, tokens - split, found);
    same_outputs &= same(expected, found);
    same_states &= same(stepped.state_floats(), session.state_floats());
  }
  expect(same_outputs, "forward has the outputs of step, bit for bit, wherever the tokens are split");
  expect(same_states, "forward leaves the state of step, bit for bit, wherever the tokens are split");
}

void test_last_is_the_last_of_all(const mamba2_tiny_weights* weights) {
  Session for_all, for_last;
  std::vector<float> all(static_cast<size_t>(batch) * tokens * outputs), last(static_cast<size_t>(batch) * outputs);
  by_forward(weights, for_all, 0, tokens, all);
  const std::vector<Input> input = inputs(0, tokens);
  mamba2_tiny_forward(weights, for_last.workspace, for_last.state.get(), input.data(), tokens, MAMBAC_LAST,
                      last.data());
  bool equal = true;
  for (int sequence = 0; sequence < batch; ++sequence) {
    equal &=
        std::memcmp(&last[static_cast<size_t>(sequence) * outputs],
                    &all[((sequence + 1) * static_cast<size_t>(tokens) - 1) * outputs], outputs * sizeof(float)) == 0;
  }
  expect(equal, "MAMBAC_LAST gives the last output of MAMBAC_ALL");
}

void test_counts(const mamba2_tiny_weights* weights) {
  Session session;
  const std::vector<Input> input = inputs(0, 1);
  std::vector<float> output(static_cast<size_t>(batch) * outputs);
  const auto status = [&](int count, int which) {
    return mamba2_tiny_forward(weights, session.workspace, session.state.get(), input.data(), count, which,
                               output.data());
  };
  expect(status(0, MAMBAC_ALL) == MAMBAC_BAD_COUNT &&
             status(MAMBA2_TINY_FORWARD_TOKENS + 1, MAMBAC_ALL) == MAMBAC_BAD_COUNT && status(1, 2) == MAMBAC_BAD_COUNT,
         "a count outside 1..MAMBA2_TINY_FORWARD_TOKENS or unknown outputs are refused");
}

void test_rows_are_independent(const mamba2_tiny_weights* weights) {
  Session straight, shifted;
  const std::vector<float> expected = by_steps(weights, straight), moved = by_steps(weights, shifted, 1);
  bool equal = true;
  const size_t row = static_cast<size_t>(tokens) * outputs;
  for (int sequence = 0; sequence < batch; ++sequence) {
    equal &= std::memcmp(&moved[sequence * row], &expected[(sequence + 1) % batch * row], row * sizeof(float)) == 0;
  }
  expect(equal, "a sequence has the same bits in every row of the batch");
}

void test_state_is_plain_bytes(const mamba2_tiny_weights* weights) {
  Session original, copy;
  by_steps(weights, original);
  std::memcpy(copy.state.get(), original.state.get(), MAMBA2_TINY_STATE_BYTES);
  expect(same(by_steps(weights, original), by_steps(weights, copy)), "a copied state goes on with the same bits");
}

void test_errors_leave_the_state(const mamba2_tiny_weights* weights) {
  Session session;
  by_steps(weights, session);
  const std::vector<float> before = session.state_floats();
  std::vector<float> output(static_cast<size_t>(batch) * outputs);
  std::vector<Input> input = inputs(0, 1);
  void* const state = session.state.get();
  expect(mamba2_tiny_step(weights, session.workspace, state, nullptr, output.data()) == MAMBAC_NULL_ARGUMENT,
         "a null argument is refused");
  input.back() = MAMBA2_TINY_VOCABULARY;
  expect(mamba2_tiny_step(weights, session.workspace, state, input.data(), output.data()) == MAMBAC_BAD_TOKEN,
         "a token outside the vocabulary is refused");
  input = inputs(0, 1);
  expect(same(before, session.state_floats()), "an error leaves the state as it was");
  static_cast<unsigned char*>(state)[20] ^= 1;
  expect(mamba2_tiny_step(weights, session.workspace, state, input.data(), output.data()) == MAMBAC_WRONG_STATE,
         "a state of another model is refused");
}

void test_step_until(const mamba2_tiny_weights* weights) {
  Session session, other;
  by_steps(weights, session);
  by_steps(weights, other);
  const std::vector<float> before = session.state_floats();
  const std::vector<Input> input = inputs(0, 1);
  std::vector<float> expected(static_cast<size_t>(batch) * outputs), found(expected.size());
  expect(mamba2_tiny_step_until(weights, session.workspace, session.state.get(), input.data(), found.data(), 0) ==
                 MAMBAC_DEADLINE_PASSED &&
             same(before, session.state_floats()),
         "step_until leaves the state as it was when its deadline has passed");
  mamba2_tiny_step(weights, other.workspace, other.state.get(), input.data(), expected.data());
  expect(mamba2_tiny_step_until(weights, session.workspace, session.state.get(), input.data(), found.data(),
                                INT64_MAX) == MAMBAC_OK &&
             same(expected, found) && same(other.state_floats(), session.state_floats()),
         "step_until gives the bits of step when there is time");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: mamba2_tiny_test mamba2_tiny.weights\n", stderr);
    return 2;
  }
  mamba2_tiny_weights weights;
  char message[512];
  if (mamba2_tiny_weights_open(arguments[1], &weights, message, sizeof message) != MAMBAC_OK) {
    std::fprintf(stderr, "%s\n", message);
    return 1;
  }
  test_step_is_forward(&weights);
  test_last_is_the_last_of_all(&weights);
  test_counts(&weights);
  test_rows_are_independent(&weights);
  test_state_is_plain_bytes(&weights);
  test_errors_leave_the_state(&weights);
  test_step_until(&weights);
  mamba2_tiny_weights_close(&weights);
  std::printf("%s\n", failures == 0 ? "all contracts hold" : "a contract is broken");
  return failures == 0 ? 0 : 1;
}
