/* mamba1_tiny: a mamba1 model of 2 layers as a library of fixed shape.
 *
 * Written by mambac 0.1.0 for plan 191624eff0d5986a; do not edit.
 *
 *   Model          mamba1, 2 layers, width 64
 *   Input          tokens below 256
 *   Output         256 floats a token
 *   Target         cpu x86-64-v3, batch 1, 1 thread
 *   Weights        331 520 bytes, matrices in f32
 *   State          19 456 bytes a sequence
 *   Workspace      228 416 bytes
 *   Cost           84 992 multiply-adds and 5 120 exponentials a token
 *   Vector         8 floats; lanes run along outputs and channels
 *   Panels         32 outputs of a matrix side by side, read front to back
 *   Register tile  3 rows x 32 outputs
 *   Forward        blocks of 64 tokens go through all layers together
 *   Unrolled       layers, register tiles, taps, states; loops over inputs, panels and tokens stay
 *
 * Memory     The caller owns all of it: weights, workspace and state, aligned to MAMBA1_TINY_ALIGNMENT bytes.
 *            step and forward allocate nothing, take no lock and make no system call.
 * Threads    Weights are read-only and may be shared by any number of threads. A workspace serves one call at a time;
 *            open one for each thread that calls.
 * State      MAMBA1_TINY_STATE_BYTES plain bytes without pointers: save, fork and roll back with memcpy.
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
#ifndef MAMBA1_TINY_H
#define MAMBA1_TINY_H

#include "mambac.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MAMBA1_TINY_BATCH 1
#define MAMBA1_TINY_FORWARD_TOKENS 64
#define MAMBA1_TINY_VOCABULARY 256
#define MAMBA1_TINY_OUTPUT_SIZE 256
#define MAMBA1_TINY_THREADS 1
#define MAMBA1_TINY_WEIGHTS_BYTES 335616
#define MAMBA1_TINY_STATE_BYTES 19520
#define MAMBA1_TINY_WORKSPACE_BYTES 228416
#define MAMBA1_TINY_ALIGNMENT 64
#define MAMBA1_TINY_PLAN_HASH "191624eff0d5986a9e72c4641009328e01398d58c6c54ff8a6160caa4a7e6df2"
#define MAMBA1_TINY_MODEL_HASH "01e010312f5910bf29746600b947b4c5c1c1e7f8da2642bf6454c37946fea5f7"

typedef mambac_weights mamba1_tiny_weights;
typedef mambac_workspace mamba1_tiny_workspace;

/* Functions that return int return a status of mambac.h; `message`, if not null, then holds a sentence for people. A
 * function that opens and fails leaves its handle empty or null: closing it does nothing. */

/* Opens the weights file that belongs to this library (mapped read-only, every checksum verified), or the bytes of such
 * a file in memory that the caller keeps, aligned and unchanged, until close. */
int mamba1_tiny_weights_open(const char* path, mamba1_tiny_weights* weights, char* message, size_t message_bytes);
int mamba1_tiny_weights_from_memory(const void* memory, size_t bytes, mamba1_tiny_weights* weights, char* message,
                                    size_t message_bytes);
void mamba1_tiny_weights_close(mamba1_tiny_weights* weights);

/* Makes a workspace inside MAMBA1_TINY_WORKSPACE_BYTES bytes of `memory`. */
int mamba1_tiny_workspace_open(void* memory, mamba1_tiny_workspace** workspace, char* message, size_t message_bytes);
void mamba1_tiny_workspace_close(mamba1_tiny_workspace* workspace);

/* Makes MAMBA1_TINY_STATE_BYTES bytes at `state` the state before the first token. */
void mamba1_tiny_state_reset(void* state);

/* One token of each sequence.
 *   tokens (MAMBA1_TINY_BATCH), each at least 0 and below MAMBA1_TINY_VOCABULARY
 *   output (MAMBA1_TINY_BATCH, MAMBA1_TINY_OUTPUT_SIZE): logits
 * On an error the state is as it was. */
int mamba1_tiny_step(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                     const int32_t* tokens, float* output);

/* The same bits as step, or nothing: MAMBAC_DEADLINE_PASSED if `deadline`, in nanoseconds of CLOCK_MONOTONIC, comes before
 * the step is done. Then the state is as it was, and `output` holds nothing of use. Looks at the clock before every
 * layer, so that a late call returns about one layer after its deadline. Works on a copy of the state in the workspace. */
int mamba1_tiny_step_until(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                           const int32_t* tokens, float* output, int64_t deadline);

/* `count` tokens of each sequence, 1 to MAMBA1_TINY_FORWARD_TOKENS.
 *   tokens (MAMBA1_TINY_BATCH, count), each at least 0 and below MAMBA1_TINY_VOCABULARY
 *   outputs MAMBAC_ALL: output (MAMBA1_TINY_BATCH, count, MAMBA1_TINY_OUTPUT_SIZE)
 *           MAMBAC_LAST: output (MAMBA1_TINY_BATCH, MAMBA1_TINY_OUTPUT_SIZE), of the last token alone
 * On an error the state is as it was. */
int mamba1_tiny_forward(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                        const int32_t* tokens, int32_t count, int32_t outputs, float* output);

/* All of the above as a table, for hosts that load any artifact. */
const mambac_artifact* mamba1_tiny_artifact(void);

/* What a status means. */
const char* mamba1_tiny_status_message(int status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
