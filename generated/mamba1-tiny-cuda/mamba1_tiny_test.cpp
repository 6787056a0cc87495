// mamba1_tiny: tests of the contracts that the header states, on this machine's GPU and these weights.
//   mamba1_tiny_test mamba1_tiny.weights
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "mamba1_tiny.h"

namespace {

constexpr int batch = MAMBA1_TINY_BATCH, outputs = MAMBA1_TINY_OUTPUT_SIZE;
constexpr int tokens = MAMBA1_TINY_FORWARD_TOKENS < 24 ? MAMBA1_TINY_FORWARD_TOKENS : 24;  // of a test's text
constexpr int input_width = 1;  // values of one token's input
using Input = int32_t;

const mambac_device& device = *mamba1_tiny_artifact()->device;
int failures = 0;

void expect(bool condition, const char* what) {
  std::printf("%s  %s\n", condition ? "ok    " : "FAILED", what);
  failures += !condition;
}

// Nothing can go on after this.
void require(int status, const char* what) {
  if (status == MAMBAC_OK) return;
  std::fprintf(stderr, "%s: %s\n", what, mamba1_tiny_status_message(status));
  std::exit(1);
}

// Memory of the GPU, zero at first.
class Memory {
 public:
  explicit Memory(size_t bytes) : bytes_(bytes) {
    char message[256];
    require(device.allocate(&data_, bytes, message, sizeof message), message);
    set(std::vector<char>(bytes));
  }
  ~Memory() { device.release(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  template <typename Value>
  void set(const std::vector<Value>& values) {
    require(device.copy_to(data_, values.data(), values.size() * sizeof(Value)), "copying to the GPU");
  }
  std::vector<float> floats() const {
    std::vector<float> values(bytes_ / sizeof(float));
    require(device.copy_from(values.data(), data_, values.size() * sizeof(float)), "copying from the GPU");
    return values;
  }

 private:
  void* data_ = nullptr;
  size_t bytes_;
};

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Within the tolerance, as the norm of the difference over the norm; false for a NaN.
bool close(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    norm += double(b[i]) * b[i];
  }
  return a.size() == b.size() && std::sqrt(difference) <= 2e-6 * std::sqrt(norm);
}

// Input of `sequence` at `token`, the same in every test.
Input input_at(int sequence, int token, int index) {
  const uint32_t mixed = (static_cast<uint32_t>(sequence * tokens + token) * input_width + index + 1) * 2654435761u;
  return static_cast<Input>(mixed % MAMBA1_TINY_VOCABULARY);
}

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

// An opened workspace and a fresh state.
struct Session {
  Memory workspace_memory{MAMBA1_TINY_WORKSPACE_BYTES}, state{MAMBA1_TINY_STATE_BYTES};
  Memory input{sizeof(Input) * input_width * batch * tokens}, output{sizeof(float) * outputs * batch * tokens};
  mamba1_tiny_workspace* workspace = nullptr;

  Session() {
    char message[256];
    require(mamba1_tiny_workspace_open(workspace_memory.data(), &workspace, message, sizeof message), message);
    require(mamba1_tiny_state_reset(state.data(), nullptr), "state_reset");
  }
  ~Session() { mamba1_tiny_workspace_close(workspace); }
};

// Copies `count` tokens' outputs of a call to their places among those of all tokens.
void collect(const Session& session, int first, int count, std::vector<float>& all) {
  const std::vector<float> found = session.output.floats();
  for (int sequence = 0; sequence < batch; ++sequence) {
    std::memcpy(&all[(static_cast<size_t>(sequence) * tokens + first) * outputs],
                &found[static_cast<size_t>(sequence) * count * outputs], sizeof(float) * count * outputs);
  }
}

// Outputs (batch, tokens, outputs) of one step after the other.
std::vector<float> by_steps(const mamba1_tiny_weights* weights, Session& session, int shift = 0) {
  std::vector<float> all(static_cast<size_t>(batch) * tokens * outputs);
  for (int token = 0; token < tokens; ++token) {
    session.input.set(inputs(token, 1, shift));
    require(
        mamba1_tiny_step(weights, session.workspace, session.state.data(), static_cast<Input*>(session.input.data()),
                         static_cast<float*>(session.output.data()), nullptr),
        "step");
    collect(session, token, 1, all);
  }
  return all;
}

// Adds the outputs of a forward over tokens [first, first + count) to `all`.
void by_forward(const mamba1_tiny_weights* weights, Session& session, int first, int count, std::vector<float>& all) {
  if (count == 0) return;
  session.input.set(inputs(first, count));
  require(
      mamba1_tiny_forward(weights, session.workspace, session.state.data(), static_cast<Input*>(session.input.data()),
                          count, MAMBAC_ALL, static_cast<float*>(session.output.data()), nullptr),
      "forward");
  collect(session, first, count, all);
}

// The sequences of a state, without the header in front of them.
std::vector<float> sequences_of(const std::vector<float>& state) { return {state.begin() + 16, state.end()}; }

void test_step_is_forward(const mamba1_tiny_weights* weights) {
  Session stepped;
  const std::vector<float> expected = by_steps(weights, stepped);
  bool close_outputs = true, close_states = true;
  for (int split = 0; split < tokens; ++split) {
    Session session;
    std::vector<float> found(expected.size());
    by_forward(weights, session, 0, split, found);
    by_forward(weights, session, split, tokens - split, found);
    close_outputs &= close(found, expected);
    close_states &= close(sequences_of(session.state.floats()), sequences_of(stepped.state.floats()));
  }
  expect(close_outputs, "forward has the outputs of step within the tolerance, wherever the tokens are split");
  expect(close_states, "forward leaves the state of step within the tolerance, wherever the tokens are split");
}

void test_last_is_the_last_of_all(const mamba1_tiny_weights* weights) {
  Session for_all, for_last;
  std::vector<float> all(static_cast<size_t>(batch) * tokens * outputs);
  by_forward(weights, for_all, 0, tokens, all);
  for_last.input.set(inputs(0, tokens));
  require(mamba1_tiny_forward(weights, for_last.workspace, for_last.state.data(),
                              static_cast<Input*>(for_last.input.data()), tokens, MAMBAC_LAST,
                              static_cast<float*>(for_last.output.data()), nullptr),
          "forward");
  const std::vector<float> last = for_last.output.floats();
  bool all_close = true;
  for (int sequence = 0; sequence < batch; ++sequence) {
    const float* from = &all[((sequence + 1) * static_cast<size_t>(tokens) - 1) * outputs];
    const float* found = &last[static_cast<size_t>(sequence) * outputs];
    all_close &= close({found, found + outputs}, {from, from + outputs});
  }
  expect(all_close, "MAMBAC_LAST gives the last output of MAMBAC_ALL");
}

void test_counts(const mamba1_tiny_weights* weights) {
  Session session;
  const auto status = [&](int count, int which) {
    return mamba1_tiny_forward(weights, session.workspace, session.state.data(),
                               static_cast<Input*>(session.input.data()), count, which,
                               static_cast<float*>(session.output.data()), nullptr);
  };
  expect(status(0, MAMBAC_ALL) == MAMBAC_BAD_COUNT &&
             status(MAMBA1_TINY_FORWARD_TOKENS + 1, MAMBAC_ALL) == MAMBAC_BAD_COUNT && status(1, 2) == MAMBAC_BAD_COUNT,
         "a count outside 1..MAMBA1_TINY_FORWARD_TOKENS or unknown outputs are refused");
}

void test_rows_are_independent(const mamba1_tiny_weights* weights) {
  Session straight, shifted;
  const std::vector<float> expected = by_steps(weights, straight), moved = by_steps(weights, shifted, 1);
  bool equal = true;
  const size_t row = static_cast<size_t>(tokens) * outputs;
  for (int sequence = 0; sequence < batch; ++sequence) {
    equal &= std::memcmp(&moved[sequence * row], &expected[(sequence + 1) % batch * row], row * sizeof(float)) == 0;
  }
  expect(equal, "a sequence has the same bits in every row of the batch, and in every run");
}

void test_state_is_plain_bytes(const mamba1_tiny_weights* weights) {
  Session original, copy;
  by_steps(weights, original);
  copy.state.set(original.state.floats());
  expect(same(by_steps(weights, original), by_steps(weights, copy)), "a copied state goes on with the same bits");
}

void test_errors_leave_the_state(const mamba1_tiny_weights* weights) {
  Session session;
  by_steps(weights, session);
  const std::vector<float> before = session.state.floats();
  expect(mamba1_tiny_step(weights, session.workspace, session.state.data(), nullptr,
                          static_cast<float*>(session.output.data()), nullptr) == MAMBAC_NULL_ARGUMENT,
         "a null argument is refused");
  expect(same(before, session.state.floats()), "an error leaves the state as it was");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: mamba1_tiny_test mamba1_tiny.weights\n", stderr);
    return 2;
  }
  mamba1_tiny_weights weights;
  char message[512];
  if (mamba1_tiny_weights_open(arguments[1], &weights, message, sizeof message) != MAMBAC_OK) {
    std::fprintf(stderr, "%s\n", message);
    return 1;
  }
  test_step_is_forward(&weights);
  test_last_is_the_last_of_all(&weights);
  test_counts(&weights);
  test_rows_are_independent(&weights);
  test_state_is_plain_bytes(&weights);
  test_errors_leave_the_state(&weights);
  mamba1_tiny_weights_close(&weights);
  std::printf("%s\n", failures == 0 ? "all contracts hold" : "a contract is broken");
  return failures == 0 ? 0 : 1;
}
