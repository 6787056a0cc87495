/* An artifact written by hand, for the tests of what loads artifacts. Its vocabulary is 16 tokens, of which 12 are
 * real. After the tokens t0 .. tn, the logit of token v is -(v - (3 tn + n) mod 12)^2; padding has 1000. The state is a
 * header of 8 bytes and two floats for each sequence: the number of tokens, and the last one. With FAKE_DEVICE it has a
 * device, whose memory is this machine's, and generates by itself, whatever the options the most likely token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/mambac.h"

#ifndef FAKE_BATCH
#define FAKE_BATCH 1
#endif
#ifndef FAKE_MODEL
#define FAKE_MODEL "FAKE 1.0"
#endif

enum { vocabulary = 16, real = 12, forward_tokens = 4, header_bytes = 8, sequence_floats = 2 };

static int weights_open(const char* path, mambac_weights* weights, char* message, size_t message_bytes) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) {
    snprintf(message, message_bytes, "%s cannot be opened", path);
    return MAMBAC_FILE_ERROR;
  }
  fclose(file);
  memset(weights, 0, sizeof *weights);
  return MAMBAC_OK;
}

static void weights_close(mambac_weights* weights) { (void)weights; }

static int workspace_open(void* memory, mambac_workspace** workspace, char* message, size_t message_bytes) {
  (void)message, (void)message_bytes;
  *workspace = memory;
  return MAMBAC_OK;
}

static void workspace_close(mambac_workspace* workspace) { (void)workspace; }

static void state_reset(void* state) {
  memset(state, 0, header_bytes + sequence_floats * sizeof(float) * FAKE_BATCH);
  memcpy(state, FAKE_MODEL, header_bytes);
}

static int forward(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                   int32_t count, int32_t outputs, float* output) {
  (void)weights, (void)workspace;
  const int32_t* tokens = input;
  if (count < 1 || count > forward_tokens) return MAMBAC_BAD_COUNT;
  for (int i = 0; i < FAKE_BATCH * count; ++i) {
    if (tokens[i] < 0 || tokens[i] >= vocabulary) return MAMBAC_BAD_TOKEN;
  }
  for (int sequence = 0; sequence < FAKE_BATCH; ++sequence) {
    float values[sequence_floats];
    char* at = (char*)state + header_bytes + sizeof values * sequence;
    memcpy(values, at, sizeof values);
    for (int t = 0; t < count; ++t) {
      const int n = (int)values[0];
      values[0] += 1;
      values[1] = (float)tokens[sequence * count + t];
      const int best = (3 * (int)values[1] + n) % real;
      for (int v = 0; v < vocabulary && (outputs == MAMBAC_ALL || t == count - 1); ++v) {
        const int row = outputs == MAMBAC_ALL ? sequence * count + t : sequence;
        output[row * vocabulary + v] = v < real ? (float)-((v - best) * (v - best)) : 1000;
      }
    }
    memcpy(at, values, sizeof values);
  }
  return MAMBAC_OK;
}

static int step(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                float* output) {
  return forward(weights, workspace, state, input, 1, MAMBAC_LAST, output);
}

/* Its clock stands: every deadline is far away. */
static int step_until(const mambac_weights* weights, mambac_workspace* workspace, void* state, const void* input,
                      float* output, int64_t deadline) {
  (void)deadline;
  return step(weights, workspace, state, input, output);
}

#ifdef FAKE_DEVICE
static int allocate(void** memory, size_t bytes, char* message, size_t message_bytes) {
  (void)message, (void)message_bytes;
  *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  return MAMBAC_OK;
}

static int copy(void* to, const void* from, size_t bytes) {
  memcpy(to, from, bytes);
  return MAMBAC_OK;
}

static int synchronize(void) { return MAMBAC_OK; }

static const mambac_device device = {
    .allocate = allocate,
    .release = free,
    .copy_to = copy,
    .copy_from = copy,
    .copy_within = copy,
    .synchronize = synchronize,
    .allocate_shared = allocate,
    .release_shared = free,
};

static int generate(const mambac_weights* weights, mambac_workspace* workspace, void* state, const int32_t* token,
                    int64_t position, const mambac_sampling* sampling, unsigned char* marks, int32_t count,
                    int32_t* tokens) {
  (void)sampling;
  int32_t last = *token;
  for (int i = 0; i < count; ++i) {
    float seen, logits[vocabulary];
    step(weights, workspace, state, &last, logits);
    memcpy(&seen, (char*)state + header_bytes, sizeof seen);
    if (seen != (float)(position + i)) return MAMBAC_WRONG_STATE;
    int best = -1;
    for (int v = 0; v < vocabulary; ++v) {
      if ((marks[v] & MAMBAC_NEVER) == 0 && (best < 0 || logits[v] > logits[best])) best = v;
    }
    last = tokens[i] = best;
    marks[best] |= MAMBAC_SEEN;
    if ((marks[best] & MAMBAC_END) != 0) break;
  }
  return MAMBAC_OK;
}
#endif

static const char* status_message(int status) {
  return status == MAMBAC_BAD_TOKEN ? "a token is outside the vocabulary" : "another status";
}

const mambac_artifact* fake_artifact(void) {
  static const mambac_artifact artifact = {
      .version = MAMBAC_ARTIFACT_VERSION,
      .name = "fake",
      .generator_version = "0",
      .plan_hash = "hash of the fake plan",
      .model_hash = "hash of the fake model",
      .family = "fake",
      .target = "cpu",
      .isa = "x86-64-v3",
      .batch = FAKE_BATCH,
      .forward_tokens = forward_tokens,
      .vocabulary = vocabulary,
      .input_size = 0,
      .output_size = vocabulary,
      .threads = 1,
#ifdef FAKE_DEVICE
      .device = &device,
      .generate = generate,
#endif
      .weights_bytes = 1000,
      .state_bytes = header_bytes + sequence_floats * sizeof(float) * FAKE_BATCH,
      .workspace_bytes = 64,
      .alignment = 64,
      .weights_open = weights_open,
      .weights_close = weights_close,
      .workspace_open = workspace_open,
      .workspace_close = workspace_close,
      .state_reset = state_reset,
      .step = step,
      .step_until = step_until,
      .forward = forward,
      .status_message = status_message,
  };
  return &artifact;
}
