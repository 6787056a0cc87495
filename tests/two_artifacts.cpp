// Two artifacts in one program: each opens its own weights and refuses the file of the other; each takes a step with
// its own weights and workspace, and refuses those that the other opened.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "falcon_tiny.h"
#include "mamba1_tiny.h"

static int failures = 0;

static void expect(const mambac_artifact* artifact, int found, int expected, const char* what) {
  if (found == expected) return;
  std::printf("%s: %s: status %d (%s), expected %d\n", artifact->name, what, found, artifact->status_message(found),
              expected);
  ++failures;
}

struct Opened {
  const mambac_artifact* artifact;
  mambac_weights weights;
  mambac_workspace* workspace = nullptr;
  void* memory;
  void* state;
  std::vector<float> output;

  Opened(const mambac_artifact* artifact, const char* own, const char* other)
      : artifact(artifact),
        memory(std::aligned_alloc(64, (artifact->workspace_bytes + 63) / 64 * 64)),
        state(std::aligned_alloc(64, (artifact->state_bytes + 63) / 64 * 64)),
        output(artifact->output_size) {
    expect(artifact, artifact->weights_open(other, &weights, nullptr, 0), MAMBAC_WRONG_WEIGHTS, "the other's file");
    expect(artifact, artifact->weights_open(own, &weights, nullptr, 0), MAMBAC_OK, "its own file");
    expect(artifact, artifact->workspace_open(memory, &workspace, nullptr, 0), MAMBAC_OK, "a workspace");
    artifact->state_reset(state);
  }
  ~Opened() {
    artifact->workspace_close(workspace);
    artifact->weights_close(&weights);
    std::free(state);
    std::free(memory);
  }
  int step(const mambac_weights& with, mambac_workspace* in) {
    const int32_t token = 3;
    return artifact->step(&with, in, state, &token, output.data());
  }
};

static void exchange(Opened& own, Opened& other) {
  expect(own.artifact, own.step(other.weights, own.workspace), MAMBAC_WRONG_WEIGHTS, "the other's weights");
  expect(own.artifact, own.step(own.weights, other.workspace), MAMBAC_WRONG_WEIGHTS, "the other's workspace");
  expect(own.artifact, own.step(own.weights, own.workspace), MAMBAC_OK, "its own handles");
}

int main(int, char** arguments) {
  Opened mamba(mamba1_tiny_artifact(), arguments[1], arguments[2]);
  Opened falcon(falcon_tiny_artifact(), arguments[2], arguments[1]);
  exchange(mamba, falcon);
  exchange(falcon, mamba);
  std::printf("%s %s\n", mamba.artifact->name, falcon.artifact->name);
  return failures;
}
