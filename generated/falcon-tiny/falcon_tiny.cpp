// falcon_tiny: the C interface. Checks its arguments, then runs the programs of falcon_tiny_step.cpp and falcon_tiny_forward.cpp.
// Written by mambac 0.1.0 for plan 531004f6c946a32e; do not edit.
#include "falcon_tiny.h"

#include <new>  // placement: nothing is allocated

#include "falcon_tiny_programs.h"
#include "runtime/any_machine.h"
#include "runtime/floating_point_mode.h"
#include "runtime/instruction_set.h"
#include "runtime/state_header.h"
#include "runtime/status.h"
#include "runtime/weights_file.h"

namespace falcon_tiny_runtime {
namespace {

constexpr ExpectedWeights expected_weights = {
    .model_name = "falcon_tiny",
    .plan_hash = FALCON_TINY_PLAN_HASH,
    .generator_version = "0.1.0",
    .file_bytes = FALCON_TINY_WEIGHTS_BYTES,
    .tensor_count = 23,
};

constexpr StateHeader state_header = make_state_header(FALCON_TINY_MODEL_HASH, FALCON_TINY_BATCH);

// Marks the weights and workspaces that this artifact opened.
constexpr const void* owner = &expected_weights;

static_assert(sizeof(Workspace) <= FALCON_TINY_WORKSPACE_BYTES);

bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % FALCON_TINY_ALIGNMENT == 0; }

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
  for (int index = 0; index < count; ++index) inside &= tokens[index] >= 0 && tokens[index] < FALCON_TINY_VOCABULARY;
  return inside ? MAMBAC_OK : MAMBAC_BAD_TOKEN;
}

int open_workspace(void* memory, mambac_workspace** workspace, char* message, size_t message_bytes) {
  const Message to = {message, message_bytes};
  if (!memory || !workspace) return fail(to, MAMBAC_NULL_ARGUMENT, "workspace_open: memory or workspace is null");
  if (!is_aligned(memory)) {
    return fail(to, MAMBAC_MISALIGNED, "workspace_open: memory must be aligned to %d bytes", FALCON_TINY_ALIGNMENT);
  }
  Workspace* opened = new (memory) Workspace;
  opened->owner = owner;
  *workspace = reinterpret_cast<mambac_workspace*>(opened);
  return succeed(to);
}

}  // namespace
}  // namespace falcon_tiny_runtime

using namespace falcon_tiny_runtime;

extern "C" {

MAMBAC_ANY_MACHINE int falcon_tiny_weights_open(const char* path, falcon_tiny_weights* weights, char* message,
                                                size_t message_bytes) {
  if (weights) *weights = {};
  const int status = check_instruction_set("x86-64-v3", message, message_bytes);
  return status != MAMBAC_OK ? status : open_weights(path, expected_weights, weights, message, message_bytes);
}

MAMBAC_ANY_MACHINE int falcon_tiny_weights_from_memory(const void* memory, size_t bytes, falcon_tiny_weights* weights,
                                                       char* message, size_t message_bytes) {
  if (weights) *weights = {};
  const int status = check_instruction_set("x86-64-v3", message, message_bytes);
  return status != MAMBAC_OK ? status
                             : weights_from_memory(memory, bytes, expected_weights, weights, message, message_bytes);
}

MAMBAC_ANY_MACHINE void falcon_tiny_weights_close(falcon_tiny_weights* weights) { close_weights(weights); }

MAMBAC_ANY_MACHINE int falcon_tiny_workspace_open(void* memory, falcon_tiny_workspace** workspace, char* message,
                                                  size_t message_bytes) {
  if (workspace) *workspace = nullptr;
  const int status = check_instruction_set("x86-64-v3", message, message_bytes);
  return status != MAMBAC_OK ? status : open_workspace(memory, workspace, message, message_bytes);
}

MAMBAC_ANY_MACHINE void falcon_tiny_workspace_close(falcon_tiny_workspace* workspace) {
  if (workspace) workspace_of(workspace).~Workspace();
}

MAMBAC_ANY_MACHINE void falcon_tiny_state_reset(void* state) {
  reset_state(state, FALCON_TINY_STATE_BYTES, state_header);
}

int falcon_tiny_step(const falcon_tiny_weights* weights, falcon_tiny_workspace* workspace, void* state,
                     const int32_t* tokens, float* output) {
  int status = check_arguments(weights, workspace, state, tokens, output);
  if (status == MAMBAC_OK) status = check_tokens(tokens, FALCON_TINY_BATCH);
  if (status != MAMBAC_OK) return status;
  const FloatingPointMode mode;
  step(weights->data, sequences_of(state), workspace_of(workspace), tokens, output);
  return MAMBAC_OK;
}

int falcon_tiny_step_until(const falcon_tiny_weights* weights, falcon_tiny_workspace* workspace, void* state,
                           const int32_t* tokens, float* output, int64_t deadline) {
  int status = check_arguments(weights, workspace, state, tokens, output);
  if (status == MAMBAC_OK) status = check_tokens(tokens, FALCON_TINY_BATCH);
  if (status != MAMBAC_OK) return status;
  const FloatingPointMode mode;
  const bool committed =
      step_until(weights->data, sequences_of(state), workspace_of(workspace), tokens, output, Deadline(deadline));
  return committed ? MAMBAC_OK : MAMBAC_DEADLINE_PASSED;
}

int falcon_tiny_forward(const falcon_tiny_weights* weights, falcon_tiny_workspace* workspace, void* state,
                        const int32_t* tokens, int32_t count, int32_t outputs, float* output) {
  int status = check_arguments(weights, workspace, state, tokens, output);
  if (status != MAMBAC_OK) return status;
  if (count < 1 || count > FALCON_TINY_FORWARD_TOKENS) return MAMBAC_BAD_COUNT;
  if (outputs != MAMBAC_ALL && outputs != MAMBAC_LAST) return MAMBAC_BAD_COUNT;
  status = check_tokens(tokens, FALCON_TINY_BATCH * count);
  if (status != MAMBAC_OK) return status;
  const FloatingPointMode mode;
  forward(weights->data, sequences_of(state), workspace_of(workspace), tokens, count, outputs, output);
  return MAMBAC_OK;
}

MAMBAC_ANY_MACHINE const char* falcon_tiny_status_message(int status) { return status_message(status); }

static int any_step(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                    float* output) {
  return falcon_tiny_step(weights, workspace, state, static_cast<const int32_t*>(input), output);
}

static int any_step_until(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                          float* output, int64_t deadline) {
  return falcon_tiny_step_until(weights, workspace, state, static_cast<const int32_t*>(input), output, deadline);
}

static int any_forward(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                       int32_t count, int32_t outputs, float* output) {
  return falcon_tiny_forward(weights, workspace, state, static_cast<const int32_t*>(input), count, outputs, output);
}

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // what this artifact does not have is null
MAMBAC_ANY_MACHINE const mambac_artifact* falcon_tiny_artifact(void) {
  static constexpr mambac_artifact artifact = {
      .version = MAMBAC_ARTIFACT_VERSION,
      .name = "falcon_tiny",
      .generator_version = "0.1.0",
      .plan_hash = FALCON_TINY_PLAN_HASH,
      .model_hash = FALCON_TINY_MODEL_HASH,
      .family = "mamba1",
      .target = "cpu",
      .isa = "x86-64-v3",
      .batch = FALCON_TINY_BATCH,
      .forward_tokens = FALCON_TINY_FORWARD_TOKENS,
      .vocabulary = 128,
      .input_size = 0,
      .output_size = FALCON_TINY_OUTPUT_SIZE,
      .threads = FALCON_TINY_THREADS,
      .weights_bytes = FALCON_TINY_WEIGHTS_BYTES,
      .state_bytes = FALCON_TINY_STATE_BYTES,
      .workspace_bytes = FALCON_TINY_WORKSPACE_BYTES,
      .alignment = FALCON_TINY_ALIGNMENT,
      .weights_open = falcon_tiny_weights_open,
      .weights_from_memory = falcon_tiny_weights_from_memory,
      .weights_close = falcon_tiny_weights_close,
      .workspace_open = falcon_tiny_workspace_open,
      .workspace_close = falcon_tiny_workspace_close,
      .state_reset = falcon_tiny_state_reset,
      .step = any_step,
      .step_until = any_step_until,
      .forward = any_forward,
      .status_message = falcon_tiny_status_message,
  };
  return &artifact;
}

}  // extern "C"
