// mamba1_tiny: the C interface. Checks its arguments, then puts the programs of mamba1_tiny_*.cu on a stream.
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#include "mamba1_tiny.h"

#include "mamba1_tiny_kernels.h"
#include "mamba1_tiny_programs.h"
#include "runtime/cuda_device.h"
#include "runtime/cuda_launch.h"
#include "runtime/state_header.h"
#include "runtime/status.h"
#include "runtime/weights_file.h"

namespace mamba1_tiny_runtime {
namespace {

constexpr ExpectedDevice expected_device = {
    .arch = "sm_90a",
    .major = 9,
    .minor = 0,
    .exact_minor = true,
    .multiprocessors = 16,
};

constexpr ExpectedWeights expected_weights = {
    .model_name = "mamba1_tiny",
    .plan_hash = MAMBA1_TINY_PLAN_HASH,
    .generator_version = "0.1.0",
    .file_bytes = MAMBA1_TINY_WEIGHTS_BYTES,
    .tensor_count = 25,
};

constexpr StateHeader state_header = make_state_header(MAMBA1_TINY_MODEL_HASH, MAMBA1_TINY_BATCH);

// The header, then zeros.
__global__ void fill_state(StateHeader header, unsigned* state) {
  constexpr size_t words = MAMBA1_TINY_STATE_BYTES / sizeof(unsigned);
  const unsigned* from = reinterpret_cast<const unsigned*>(&header);
  const size_t first = blockIdx.x * blockDim.x + threadIdx.x;
  for (size_t word = first; word < words; word += gridDim.x * blockDim.x) {
    state[word] = word < sizeof(header) / sizeof(unsigned) ? from[word] : 0;
  }
}

bool is_aligned(const void* pointer, size_t alignment) { return reinterpret_cast<uintptr_t>(pointer) % alignment == 0; }

// An opened workspace is its memory.
float* activations_of(mambac_workspace* workspace) { return reinterpret_cast<float*>(workspace); }

// The first sequence's floats of a state.
float* sequences_of(void* state) {
  return reinterpret_cast<float*>(static_cast<unsigned char*>(state) + sizeof(StateHeader));
}

// What every program checks before it launches anything.
int check_arguments(const mambac_weights* weights, const mambac_workspace* workspace, const void* state,
                    const void* input, const void* output) {
  if (!weights || !weights->data || !workspace || !state || !input || !output) return MAMBAC_NULL_ARGUMENT;
  if (weights->owner != nullptr && weights->owner != &expected_weights) return MAMBAC_WRONG_WEIGHTS;
  const bool aligned = is_aligned(state, MAMBA1_TINY_ALIGNMENT) && is_aligned(input, 4) && is_aligned(output, 16);
  return aligned ? MAMBAC_OK : MAMBAC_MISALIGNED;
}

}  // namespace
}  // namespace mamba1_tiny_runtime

using namespace mamba1_tiny_runtime;

extern "C" {

int mamba1_tiny_weights_open(const char* path, mamba1_tiny_weights* weights, char* message, size_t message_bytes) {
  if (weights) *weights = {};
  const int status = check_device(expected_device, message, message_bytes);
  return status != MAMBAC_OK ? status : open_device_weights(path, expected_weights, weights, message, message_bytes);
}

int mamba1_tiny_weights_from_memory(const void* memory, size_t bytes, mamba1_tiny_weights* weights, char* message,
                                    size_t message_bytes) {
  if (weights) *weights = {};
  const int status = check_device(expected_device, message, message_bytes);
  return status != MAMBAC_OK
             ? status
             : device_weights_from_memory(memory, bytes, expected_weights, weights, message, message_bytes);
}

void mamba1_tiny_weights_close(mamba1_tiny_weights* weights) { close_device_weights(weights); }

int mamba1_tiny_workspace_open(void* memory, mamba1_tiny_workspace** workspace, char* message, size_t message_bytes) {
  if (!workspace) return fail({message, message_bytes}, MAMBAC_NULL_ARGUMENT, "workspace_open: workspace is null");
  *workspace = nullptr;
  int status = check_device(expected_device, message, message_bytes);
  if (status == MAMBAC_OK) {
    status = check_device_memory(memory, MAMBA1_TINY_ALIGNMENT, "workspace_open", message, message_bytes);
  }
  if (status == MAMBAC_OK) {
    status = allow_shared_memory(reinterpret_cast<const void*>(decode_256x64x16x4), 132880, message, message_bytes);
  }
  if (status == MAMBAC_OK) {
    status = clear_device_memory(memory, MAMBA1_TINY_WORKSPACE_BYTES, message, message_bytes);
  }
  if (status == MAMBAC_OK) *workspace = static_cast<mambac_workspace*>(memory);
  return status;
}

void mamba1_tiny_workspace_close(mamba1_tiny_workspace*) {}

int mamba1_tiny_state_reset(void* state, cudaStream_t stream) {
  if (!state) return MAMBAC_NULL_ARGUMENT;
  if (!is_aligned(state, MAMBA1_TINY_ALIGNMENT)) return MAMBAC_MISALIGNED;
  Launcher launch(stream);
  launch(fill_state, dim3(64), 256, 0, state_header, static_cast<unsigned*>(state));
  return launch.status();
}

int mamba1_tiny_step(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                     const int32_t* tokens, float* output, cudaStream_t stream) {
  const int status = check_arguments(weights, workspace, state, tokens, output);
  if (status != MAMBAC_OK) return status;
  return step(weights->data, sequences_of(state), activations_of(workspace), tokens, output, stream);
}

int mamba1_tiny_forward(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                        const int32_t* tokens, int32_t count, int32_t outputs, float* output, cudaStream_t stream) {
  const int status = check_arguments(weights, workspace, state, tokens, output);
  if (status != MAMBAC_OK) return status;
  if (count < 1 || count > MAMBA1_TINY_FORWARD_TOKENS) return MAMBAC_BAD_COUNT;
  if (outputs != MAMBAC_ALL && outputs != MAMBAC_LAST) return MAMBAC_BAD_COUNT;
  return forward(weights->data, sequences_of(state), activations_of(workspace), tokens, count, outputs, output, stream);
}

const char* mamba1_tiny_status_message(int status) { return status_message(status); }

static void state_reset_on_host(void* state) { reset_state(state, MAMBA1_TINY_STATE_BYTES, state_header); }

static int any_step(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                    float* output) {
  return mamba1_tiny_step(weights, workspace, state, static_cast<const int32_t*>(input), output, nullptr);
}

static int any_forward(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                       int32_t count, int32_t outputs, float* output) {
  return mamba1_tiny_forward(weights, workspace, state, static_cast<const int32_t*>(input), count, outputs, output,
                             nullptr);
}

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // what this artifact does not have is null
const mambac_artifact* mamba1_tiny_artifact(void) {
  static const mambac_artifact artifact = {
      .version = MAMBAC_ARTIFACT_VERSION,
      .name = "mamba1_tiny",
      .generator_version = "0.1.0",
      .plan_hash = MAMBA1_TINY_PLAN_HASH,
      .model_hash = MAMBA1_TINY_MODEL_HASH,
      .family = "mamba1",
      .target = "cuda",
      .isa = "sm_90a",
      .batch = MAMBA1_TINY_BATCH,
      .forward_tokens = MAMBA1_TINY_FORWARD_TOKENS,
      .vocabulary = 256,
      .input_size = 0,
      .output_size = MAMBA1_TINY_OUTPUT_SIZE,
      .threads = 1,
      .device = &device_functions,
      .weights_bytes = MAMBA1_TINY_WEIGHTS_BYTES,
      .state_bytes = MAMBA1_TINY_STATE_BYTES,
      .workspace_bytes = MAMBA1_TINY_WORKSPACE_BYTES,
      .alignment = MAMBA1_TINY_ALIGNMENT,
      .weights_open = mamba1_tiny_weights_open,
      .weights_from_memory = mamba1_tiny_weights_from_memory,
      .weights_close = mamba1_tiny_weights_close,
      .workspace_open = mamba1_tiny_workspace_open,
      .workspace_close = mamba1_tiny_workspace_close,
      .state_reset = state_reset_on_host,
      .step = any_step,
      .forward = any_forward,
      .generate = nullptr,
      .status_message = mamba1_tiny_status_message,
  };
  return &artifact;
}

}  // extern "C"
