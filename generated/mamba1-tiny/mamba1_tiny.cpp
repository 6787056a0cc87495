// mamba1_tiny: the C interface. Checks its arguments, then runs the programs of mamba1_tiny_step.cpp and mamba1_tiny_forward.cpp.
// Written by mambac 0.1.0 for plan 191624eff0d5986a; do not edit.
#include "mamba1_tiny.h"

#include <new>  // placement: nothing is allocated

#include "mamba1_tiny_programs.h"
#include "runtime/any_machine.h"
#include "runtime/floating_point_mode.h"
#include "runtime/instruction_set.h"
#include "runtime/state_header.h"
#include "runtime/status.h"
#include "runtime/weights_file.h"

namespace mamba1_tiny_runtime {
namespace {

constexpr ExpectedWeights expected_weights = {
    .model_name = "mamba1_tiny",
    .plan_hash = MAMBA1_TINY_PLAN_HASH,
    .generator_version = "0.1.0",
    .file_bytes = MAMBA1_TINY_WEIGHTS_BYTES,
    .tensor_count = 22,
};

constexpr StateHeader state_header = make_state_header(MAMBA1_TINY_MODEL_HASH, MAMBA1_TINY_BATCH);

// Marks the weights and workspaces that this artifact opened.
constexpr const void* owner = &expected_weights;

static_assert(sizeof(Workspace) <= MAMBA1_TINY_WORKSPACE_BYTES);

bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % MAMBA1_TINY_ALIGNMENT == 0; }

Workspace& workspace_of(mambac_workspace* workspace) { return *reinterpret_cast<Workspace*>(workspace); }

// The first sequence's floats of a state.
float* sequences_of(void* state) {
  return reinterpret_cast<float*>(static_cast<unsigned char*>(state) + sizeof(StateHeader));
}

// What step and forward check before they change anything.
int check_arguments(const mambac_weights* weights, mambac_workspace* workspace, const void* state, const void* input,
                    const float* output) {
  if (!weights || !weights->data || !workspace || !state || !input || !output) return MAMBAC_NULL_ARGUMENT;
  if (weights->owner != owner || workspace_of(workspace).owner != owner) return MAMBAC_WRONG_WEIGHTS;
  if (!is_aligned(state)) return MAMBAC_MISALIGNED;
  return has_state_header(state, state_header) ? MAMBAC_OK : MAMBAC_WRONG_STATE;
}

// Looks at every token whatever it finds.
int check_tokens(const int32_t* tokens, int count) {
  bool inside = true;
  for (int index = 0; index < count; ++index) inside &= tokens[index] >= 0 && tokens[index] < MAMBA1_TINY_VOCABULARY;
  return inside ? MAMBAC_OK : MAMBAC_BAD_TOKEN;
}

int open_workspace(void* memory, mambac_workspace** workspace, char* message, size_t message_bytes) {
  const Message to = {message, message_bytes};
  if (!memory || !workspace) return fail(to, MAMBAC_NULL_ARGUMENT, "workspace_open: memory or workspace is null");
  if (!is_aligned(memory)) {
    return fail(to, MAMBAC_MISALIGNED, "workspace_open: memory must be aligned to %d bytes", MAMBA1_TINY_ALIGNMENT);
  }
  Workspace* opened = new (memory) Workspace;
  opened->owner = owner;
  *workspace = reinterpret_cast<mambac_workspace*>(opened);
  return succeed(to);
}

}  // namespace
}  // namespace mamba1_tiny_runtime

using namespace mamba1_tiny_runtime;

extern "C" {

MAMBAC_ANY_MACHINE int mamba1_tiny_weights_open(const char* path, mamba1_tiny_weights* weights, char* message,
                                                size_t message_bytes) {
  if (weights) *weights = {};
  const int status = check_instruction_set("x86-64-v3", message, message_bytes);
  return status != MAMBAC_OK ? status : open_weights(path, expected_weights, weights, message, message_bytes);
}

MAMBAC_ANY_MACHINE int mamba1_tiny_weights_from_memory(const void* memory, size_t bytes, mamba1_tiny_weights* weights,
                                                       char* message, size_t message_bytes) {
  if (weights) *weights = {};
  const int status = check_instruction_set("x86-64-v3", message, message_bytes);
  return status != MAMBAC_OK ? status
                             : weights_from_memory(memory, bytes, expected_weights, weights, message, message_bytes);
}

MAMBAC_ANY_MACHINE void mamba1_tiny_weights_close(mamba1_tiny_weights* weights) { close_weights(weights); }

MAMBAC_ANY_MACHINE int mamba1_tiny_workspace_open(void* memory, mamba1_tiny_workspace** workspace, char* message,
                                                  size_t message_bytes) {
  if (workspace) *workspace = nullptr;
  const int status = check_instruction_set("x86-64-v3", message, message_bytes);
  return status != MAMBAC_OK ? status : open_workspace(memory, workspace, message, message_bytes);
}

MAMBAC_ANY_MACHINE void mamba1_tiny_workspace_close(mamba1_tiny_workspace* workspace) {
  if (workspace) workspace_of(workspace).~Workspace();
}

MAMBAC_ANY_MACHINE void mamba1_tiny_state_reset(void* state) {
  reset_state(state, MAMBA1_TINY_STATE_BYTES, state_header);
}

int mamba1_tiny_step(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                     const int32_t* tokens, float* output) {
  int status = check_arguments(weights, workspace, state, tokens, output);
  if (status == MAMBAC_OK) status = check_tokens(tokens, MAMBA1_TINY_BATCH);
  if (status != MAMBAC_OK) return status;
  const FloatingPointMode mode;
  step(weights->data, sequences_of(state), workspace_of(workspace), tokens, output);
  return MAMBAC_OK;
}

int mamba1_tiny_step_until(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                           const int32_t* tokens, float* output, int64_t deadline) {
  int status = check_arguments(weights, workspace, state, tokens, output);
  if (status == MAMBAC_OK) status = check_tokens(tokens, MAMBA1_TINY_BATCH);
  if (status != MAMBAC_OK) return status;
  const FloatingPointMode mode;
  const bool committed =
      step_until(weights->data, sequences_of(state), workspace_of(workspace), tokens, output, Deadline(deadline));
  return committed ? MAMBAC_OK : MAMBAC_DEADLINE_PASSED;
}

int mamba1_tiny_forward(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                        const int32_t* tokens, int32_t count, int32_t outputs, float* output) {
  int status = check_arguments(weights, workspace, state, tokens, output);
  if (status != MAMBAC_OK) return status;
  if (count < 1 || count > MAMBA1_TINY_FORWARD_TOKENS) return MAMBAC_BAD_COUNT;
  if (outputs != MAMBAC_ALL && outputs != MAMBAC_LAST) return MAMBAC_BAD_COUNT;
  status = check_tokens(tokens, MAMBA1_TINY_BATCH * count);
  if (status != MAMBAC_OK) return status;
  const FloatingPointMode mode;
  forward(weights->data, sequences_of(state), workspace_of(workspace), tokens, count, outputs, output);
  return MAMBAC_OK;
}

MAMBAC_ANY_MACHINE const char* mamba1_tiny_status_message(int status) { return status_message(status); }

static int any_step(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                    float* output) {
  return mamba1_tiny_step(weights, workspace, state, static_cast<const int32_t*>(input), output);
}

static int any_step_until(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                          float* output, int64_t deadline) {
  return mamba1_tiny_step_until(weights, workspace, state, static_cast<const int32_t*>(input), output, deadline);
}

static int any_forward(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                       int32_t count, int32_t outputs, float* output) {
  return mamba1_tiny_forward(weights, workspace, state, static_cast<const int32_t*>(input), count, outputs, output);
}

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // what this artifact does not have is null
MAMBAC_ANY_MACHINE const mambac_artifact* mamba1_tiny_artifact(void) {
  static constexpr mambac_artifact artifact = {
      .version = MAMBAC_ARTIFACT_VERSION,
      .name = "mamba1_tiny",
      .generator_version = "0.1.0",
      .plan_hash = MAMBA1_TINY_PLAN_HASH,
      .model_hash = MAMBA1_TINY_MODEL_HASH,
      .family = "mamba1",
      .target = "cpu",
      .isa = "x86-64-v3",
      .batch = MAMBA1_TINY_BATCH,
      .forward_tokens = MAMBA1_TINY_FORWARD_TOKENS,
      .vocabulary = 256,
      .input_size = 0,
      .output_size = MAMBA1_TINY_OUTPUT_SIZE,
      .threads = MAMBA1_TINY_THREADS,
      .weights_bytes = MAMBA1_TINY_WEIGHTS_BYTES,
      .state_bytes = MAMBA1_TINY_STATE_BYTES,
      .workspace_bytes = MAMBA1_TINY_WORKSPACE_BYTES,
      .alignment = MAMBA1_TINY_ALIGNMENT,
      .weights_open = mamba1_tiny_weights_open,
      .weights_from_memory = mamba1_tiny_weights_from_memory,
      .weights_close = mamba1_tiny_weights_close,
      .workspace_open = mamba1_tiny_workspace_open,
      .workspace_close = mamba1_tiny_workspace_close,
      .state_reset = mamba1_tiny_state_reset,
      .step = any_step,
      .step_until = any_step_until,
      .forward = any_forward,
      .status_message = mamba1_tiny_status_message,
  };
  return &artifact;
}

}  // extern "C"
