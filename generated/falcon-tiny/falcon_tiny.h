/* falcon_tiny: a mamba1 model of 2 layers as a library of fixed shape.
 *
 * Written by mambac 0.1.0 for plan 531004f6c946a32e; do not edit.
 *
 *   Model          mamba1, 2 layers, width 48
 *   Input          tokens below 128
 *   Output         128 floats a token
 *   Target         cpu x86-64-v3, batch 1, 1 thread
 *   Weights        265 792 bytes, matrices in f32
 *   State          19 456 bytes a sequence
 *   Workspace      232 512 bytes
 *   Cost           62 464 multiply-adds and 5 120 exponentials a token
 *   Vector         8 floats; lanes run along outputs and channels
 *   Panels         32 outputs of a matrix side by side, read front to back
 *   Register tile  3 rows x 32 outputs
 *   Forward        blocks of 64 tokens go through all layers together
 *   Unrolled       layers, register tiles, taps, states; loops over inputs, panels and tokens stay
 *
 * Memory     The caller owns all of it: weights, workspace and state, aligned to FALCON_TINY_ALIGNMENT bytes.
 *            step and forward allocate nothing, take no lock and make no system call.
 * Threads    Weights are read-only and may be shared by any number of threads. A workspace serves one call at a time;
 *            open one for each thread that calls.
 * State      FALCON_TINY_STATE_BYTES plain bytes without pointers: save, fork and roll back with memcpy.
 *            Any artifact of the same model and batch goes on from them, whatever its target, instruction set or
 *            weight type; between batches the parts of the sequences are copied. Layout: a header of 64 bytes, then
 *            for each sequence, for each layer
 *              window (3, 128)
 *              h (16, 128)
 *            in f32, the window's oldest token first, rows padded to 16 channels.
 * Same bits  T steps give the bits of one forward of T tokens, for any split and any batch.
 * Tolerance  Outputs and states lie within 2e-6 (norm of the difference over norm, per tensor) of the same
 *            computation in double precision. Exponential, softplus and silu are polynomials, at most
 *            1.23, 2.77 and 2.46 units in the last place from the right value.
 */
#ifndef FALCON_TINY_H
#define FALCON_TINY_H

#include "mambac.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define FALCON_TINY_BATCH 1
#define FALCON_TINY_FORWARD_TOKENS 64
#define FALCON_TINY_VOCABULARY 128
#define FALCON_TINY_OUTPUT_SIZE 128
#define FALCON_TINY_THREADS 1
#define FALCON_TINY_WEIGHTS_BYTES 269888
#define FALCON_TINY_STATE_BYTES 19520
#define FALCON_TINY_WORKSPACE_BYTES 232512
#define FALCON_TINY_ALIGNMENT 64
#define FALCON_TINY_PLAN_HASH "531004f6c946a32ee7f120e1f1727612524fc3459117af5a9b6c3d48df325582"
#define FALCON_TINY_MODEL_HASH "8c108d1c4314b703a2aa025dfda62fd0f6002771b89b8255f64044834ad52507"

typedef mambac_weights falcon_tiny_weights;
typedef mambac_workspace falcon_tiny_workspace;

/* Functions that return int return a status of mambac.h; `message`, if not null, then holds a sentence for people. A
 * function that opens and fails leaves its handle empty or null: closing it does nothing. */

/* Opens the weights file that belongs to this library (mapped read-only, every checksum verified), or the bytes of such
 * a file in memory that the caller keeps, aligned and unchanged, until close. */
int falcon_tiny_weights_open(const char* path, falcon_tiny_weights* weights, char* message, size_t message_bytes);
int falcon_tiny_weights_from_memory(const void* memory, size_t bytes, falcon_tiny_weights* weights, char* message,
                                    size_t message_bytes);
void falcon_tiny_weights_close(falcon_tiny_weights* weights);

/* Makes a workspace inside FALCON_TINY_WORKSPACE_BYTES bytes of `memory`. */
int falcon_tiny_workspace_open(void* memory, falcon_tiny_workspace** workspace, char* message, size_t message_bytes);
void falcon_tiny_workspace_close(falcon_tiny_workspace* workspace);

/* Makes FALCON_TINY_STATE_BYTES bytes at `state` the state before the first token. */
void falcon_tiny_state_reset(void* state);

/* One token of each sequence.
 *   tokens (FALCON_TINY_BATCH), each at least 0 and below FALCON_TINY_VOCABULARY
 *   output (FALCON_TINY_BATCH, FALCON_TINY_OUTPUT_SIZE): logits
 * On an error the state is as it was. */
int falcon_tiny_step(const falcon_tiny_weights* weights, falcon_tiny_workspace* workspace, void* state,
                     const int32_t* tokens, float* output);

/* The same bits as step, or nothing: MAMBAC_DEADLINE_PASSED if `deadline`, in nanoseconds of CLOCK_MONOTONIC, comes before
 * the step is done. Then the state is as it was, and `output` holds nothing of use. Looks at the clock before every
 * layer, so that a late call returns about one layer after its deadline. Works on a copy of the state in the workspace. */
int falcon_tiny_step_until(const falcon_tiny_weights* weights, falcon_tiny_workspace* workspace, void* state,
                           const int32_t* tokens, float* output, int64_t deadline);

/* `count` tokens of each sequence, 1 to FALCON_TINY_FORWARD_TOKENS.
 *   tokens (FALCON_TINY_BATCH, count), each at least 0 and below FALCON_TINY_VOCABULARY
 *   outputs MAMBAC_ALL: output (FALCON_TINY_BATCH, count, FALCON_TINY_OUTPUT_SIZE)
 *           MAMBAC_LAST: output (FALCON_TINY_BATCH, FALCON_TINY_OUTPUT_SIZE), of the last token alone
 * On an error the state is as it was. */
int falcon_tiny_forward(const falcon_tiny_weights* weights, falcon_tiny_workspace* workspace, void* state,
                        const int32_t* tokens, int32_t count, int32_t outputs, float* output);

/* All of the above as a table, for hosts that load any artifact. */
const mambac_artifact* falcon_tiny_artifact(void);

/* What a status means. */
const char* falcon_tiny_status_message(int status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
