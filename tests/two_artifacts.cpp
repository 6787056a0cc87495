// Two artifacts in one program: each opens its own weights, refuses the other's, and takes a step.
#include <cstdio>
#include <cstdlib>

#include "falcon_tiny.h"
#include "mamba1_tiny.h"

static int run(const mambac_artifact* artifact, const char* own, const char* other) {
  mambac_weights weights;
  mambac_workspace* workspace;
  char message[512];
  if (artifact->weights_open(other, &weights, message, sizeof message) != MAMBAC_WRONG_WEIGHTS) return 1;
  if (artifact->weights_open(own, &weights, message, sizeof message) != MAMBAC_OK) return 2;
  void* memory = std::aligned_alloc(64, (artifact->workspace_bytes + 63) / 64 * 64);
  void* state = std::aligned_alloc(64, (artifact->state_bytes + 63) / 64 * 64);
  float* output = static_cast<float*>(std::malloc(sizeof(float) * artifact->output_size));
  if (artifact->workspace_open(memory, &workspace, message, sizeof message) != MAMBAC_OK) return 3;
  artifact->state_reset(state);
  const int32_t token = 3;
  if (artifact->step(&weights, workspace, state, &token, output) != MAMBAC_OK) return 4;
  artifact->workspace_close(workspace);
  artifact->weights_close(&weights);
  std::free(output);
  std::free(state);
  std::free(memory);
  return 0;
}

int main(int, char** arguments) {
  const int first = run(mamba1_tiny_artifact(), arguments[1], arguments[2]);
  const int second = run(falcon_tiny_artifact(), arguments[2], arguments[1]);
  std::printf("%s %s\n", mamba1_tiny_artifact()->name, falcon_tiny_artifact()->name);
  return first + second;
}
