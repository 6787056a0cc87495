/* What every artifact shares: status codes, handles and the table through which a host loads any artifact.
 * Plain C, declarations only; each artifact's own header NAME.h gives the same functions under its own name. */
#ifndef MAMBAC_H
#define MAMBAC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every function that can fail returns one of these. */
enum mambac_status {
  MAMBAC_OK = 0,
  MAMBAC_NULL_ARGUMENT = 1,   /* a pointer that must not be null is */
  MAMBAC_MISALIGNED = 2,      /* memory is not aligned as NAME.h says */
  MAMBAC_BAD_TOKEN = 3,       /* a token is outside the vocabulary; the state is as it was */
  MAMBAC_BAD_COUNT = 4,       /* count is below 1 or more than the program takes, position below 1, or outputs unknown */
  MAMBAC_WRONG_STATE = 5,     /* the state is of another model or version, or was never reset */
  MAMBAC_FILE_ERROR = 6,      /* the weights file cannot be opened or mapped */
  MAMBAC_WRONG_WEIGHTS = 7,   /* the weights file is of another model, deployment or version; or the open weights or the
                                 workspace that a call was given were opened by another artifact */
  MAMBAC_DAMAGED_WEIGHTS = 8, /* truncated, or a checksum does not match */
  MAMBAC_WRONG_MACHINE = 9,   /* this machine lacks the artifact's instruction set, or has another GPU */
  MAMBAC_NO_THREADS = 10,     /* the workers could not be started */
  MAMBAC_DEADLINE_PASSED = 11, /* the deadline passed before the step was done; the state is as it was */
  MAMBAC_NO_DEVICE = 12,      /* there is no GPU, or its driver does not answer */
  MAMBAC_OUT_OF_MEMORY = 13,  /* the GPU has too little memory */
  MAMBAC_LAUNCH_FAILED = 14,  /* the GPU refused a kernel or a copy, or an earlier one failed */
  MAMBAC_WRONG_TAPE = 15,     /* the tape is of another plan, or holds nothing */
  MAMBAC_BAD_SAMPLING = 16    /* an option of mambac_sampling is out of range */
};

/* Which outputs `forward` writes. */
enum mambac_outputs {
  MAMBAC_ALL = 0, /* of every token: (batch, count, output_size) */
  MAMBAC_LAST = 1 /* of the last token of each sequence: (batch, output_size) */
};

/* Memory of the device that an artifact computes on: weights, workspace, states, inputs and outputs lie there. Each
 * function returns a status; `allocate` leaves null in `memory` if it fails. */
typedef struct mambac_device {
  int (*allocate)(void** memory, size_t bytes, char* message, size_t message_bytes);
  void (*release)(void* memory);
  int (*copy_to)(void* device, const void* host, size_t bytes);
  int (*copy_from)(void* host, const void* device, size_t bytes);
  int (*copy_within)(void* to, const void* from, size_t bytes); /* as calls do: it returns before the copy is there */
  int (*synchronize)(void);
  /* Memory of this machine that the device writes to: what a call writes there can be read while it runs. */
  int (*allocate_shared)(void** memory, size_t bytes, char* message, size_t message_bytes);
  void (*release_shared)(void* memory);
} mambac_device;

/* How `generate` chooses among tokens. The options mean what Hugging Face's mean, and apply in its order: repetition
 * penalty, temperature, top-k, top-p, min-p. */
typedef struct mambac_sampling {
  float temperature;        /* 0: the token of the largest logit; else logits are divided by it */
  int32_t top_k;            /* only the k most likely tokens (and those equal to the last of them); 0: all */
  float top_p;              /* only the most likely tokens that together reach this probability; 1: all */
  float min_p;              /* only tokens at least this times as likely as the most likely one; 0: all */
  float repetition_penalty; /* divides the positive and multiplies the negative logits of tokens that are seen; 1: none */
  uint64_t seed;
} mambac_sampling;

/* What `generate` knows of a token, a byte each. */
enum mambac_mark {
  MAMBAC_SEEN = 1, /* it stands in the text so far; generate adds those that it chooses */
  MAMBAC_END = 2,  /* it ends the text */
  MAMBAC_NEVER = 4 /* it is never chosen: the vocabulary's padding */
};

/* Open weights: read-only, shared by any number of workspaces and threads. The caller owns this struct; its fields
 * belong to the artifact. */
typedef struct mambac_weights {
  const unsigned char* data; /* the packed tensors */
  void* mapping;             /* of a file, or a GPU's memory; null when the caller holds the memory */
  size_t mapped_bytes;
  const void* owner; /* the artifact that opened them: no other takes them; a GPU's takes null as its own */
} mambac_weights;

/* Scratch memory and workers, opened inside memory of the caller. One call at a time per workspace. */
typedef struct mambac_workspace mambac_workspace;

/* One tensor of the parameters that training changes. */
typedef struct mambac_parameter {
  const char* name; /* as in a checkpoint */
  int32_t dimensions;
  int64_t shape[4];
  int64_t offset;       /* floats */
  int32_t weight_decay; /* 1: decoupled weight decay applies */
} mambac_parameter;

/* All of an artifact, for hosts that load any: found as `const mambac_artifact* NAME_artifact(void)`. */
#define MAMBAC_ARTIFACT_VERSION 4
typedef struct mambac_artifact {
  uint32_t version; /* MAMBAC_ARTIFACT_VERSION */
  const char* name;
  const char* generator_version;
  const char* plan_hash;  /* 64 hexadecimal digits: of model, deployment and packing */
  const char* model_hash; /* 64 hexadecimal digits: states belong to it */
  const char* family;
  const char* target;
  const char* isa;
  int32_t batch;
  int32_t forward_tokens;
  int32_t vocabulary;  /* 0: continuous input */
  int32_t input_size;  /* 0: tokens */
  int32_t output_size; /* floats of one token's output */
  int32_t threads;
  const mambac_device* device; /* null: this machine's own memory; else calls below take pointers into the device's */
  size_t weights_bytes; /* of the whole weights file */
  size_t state_bytes;
  size_t workspace_bytes;
  size_t alignment;

  int (*weights_open)(const char* path, mambac_weights*, char* message, size_t message_bytes);
  int (*weights_from_memory)(const void* memory, size_t bytes, mambac_weights*, char* message, size_t message_bytes);
  void (*weights_close)(mambac_weights*);
  int (*workspace_open)(void* memory, mambac_workspace**, char* message, size_t message_bytes);
  void (*workspace_close)(mambac_workspace*);
  void (*state_reset)(void* state); /* in this machine's own memory, whatever the device */
  /* `input`: const int32_t* tokens (batch) for step, (batch, count) for forward; or const float* (..., input_size). */
  int (*step)(const mambac_weights*, mambac_workspace*, void* state, const void* input, float* output);
  /* step or nothing: until `deadline`, nanoseconds of CLOCK_MONOTONIC. */
  int (*step_until)(const mambac_weights*, mambac_workspace*, void* state, const void* input, float* output,
                    int64_t deadline);
  int (*forward)(const mambac_weights*, mambac_workspace*, void* state, const void* input, int32_t count,
                 int32_t outputs, float* output);
  /* generate or nothing, on the default stream; see NAME_generate. */
  int (*generate)(const mambac_weights*, mambac_workspace*, void* state, const int32_t* token, int64_t position,
                  const mambac_sampling* sampling, unsigned char* marks, int32_t count, int32_t* tokens);
  const char* (*status_message)(int status);

  /* Training; zero and null in an artifact without it. */
  int32_t train_tokens;
  size_t tape_bytes;
  int64_t parameters; /* floats */
  int32_t parameter_count;
  const mambac_parameter* parameter_table;
  int (*weights_pack)(const float* parameters, void* memory, mambac_weights*);
  int (*weights_unpack)(const mambac_weights*, float* parameters);
  int (*train)(const mambac_weights*, mambac_workspace*, void* state, void* tape, const void* input, int32_t count,
               float* output);
  int (*backward)(const mambac_weights*, mambac_workspace*, const void* tape, const float* d_outputs,
                  const void* d_state_out, float* gradients, void* d_state_in, float* d_inputs);
  int (*cross_entropy)(float* logits, const int32_t* targets, int64_t rows, int32_t ignored, double* loss);
  int (*mean_square_error)(float* outputs, const float* targets, int64_t count, double* loss);
  double (*clip_gradients)(float* gradients, double most);
  void (*adamw)(float* parameters, const float* gradients, float* first_moments, float* second_moments, int64_t step,
                float learning_rate, float beta1, float beta2, float epsilon, float weight_decay);
} mambac_artifact;

#ifdef __cplusplus
}
#endif

#endif
