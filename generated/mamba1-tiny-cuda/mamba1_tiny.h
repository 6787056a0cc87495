/* mamba1_tiny: a mamba1 model of 2 layers as a library of fixed shape.
 *
 * Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
 *
 *   Model          mamba1, 2 layers, width 64
 *   Input          tokens below 256
 *   Output         256 floats a token
 *   Target         cuda sm_90a, batch 1
 *   Weights        917 760 bytes, matrices in f32
 *   State          19 456 bytes a sequence
 *   Workspace      220 736 bytes
 *   Cost           84 992 multiply-adds and 5 120 exponentials a token
 *   Step           one launch of 16 blocks that wait for one another
 *   Matrices       for forward row by row as in the checkpoint, for step as its blocks read them
 *   Blocks         at least 16 multiprocessors
 *   Forward        all tokens of a call go through a layer together
 *
 * Memory     The caller owns all of it but the weights: workspace, state, input and output lie in the GPU's memory,
 *            workspace and state aligned to MAMBA1_TINY_ALIGNMENT bytes, input to 4, output to 16.
 * Stream     A call puts its kernels on a stream and returns: it allocates nothing and can be captured in a graph. It
 *            waits for nothing, unless the stream is full: it takes about a thousand launches ahead. What it is given must live, and stay as it is, until the stream has passed it.
 * Threads    Weights are read-only and may be shared by any number of streams. A workspace serves one call at a time,
 *            which means one stream; open one for each that calls.
 * State      MAMBA1_TINY_STATE_BYTES plain bytes without pointers: save, fork and roll back with a copy, also to another
 *            GPU or to a CPU. Any artifact of the same model and batch goes on from them, whatever its target or weight
 *            type; between batches the parts of the sequences are copied. Layout: a header of 64 bytes, then for each
 *            sequence, for each layer
 *              window (3, 128)
 *              h (16, 128);
 *            f32, rows padded to 16 channels.
 * Same bits  A call twice gives the same bits. T steps and one forward of T tokens agree within the tolerance.
 * Tolerance  Outputs and states lie within 2e-6 (norm of the difference over norm, per tensor) of the same
 *            computation in double precision.
 * Errors     A kernel cannot refuse what the host has not seen: a token outside of the vocabulary gives NaN in
 *            every output and in the state from there on, and a NaN or infinity in the state stays one.
 *            Nor can a call look at a state or a workspace: those of another artifact are not refused, as a CPU's
 *            library would.
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
#define MAMBA1_TINY_WEIGHTS_BYTES 921856
#define MAMBA1_TINY_STATE_BYTES 19520
#define MAMBA1_TINY_WORKSPACE_BYTES 220736
#define MAMBA1_TINY_ALIGNMENT 256
#define MAMBA1_TINY_PLAN_HASH "0313fb7382cdf34ca08489a9f4d128cc2c19454f26f3c7813f29c867e2654250"
#define MAMBA1_TINY_MODEL_HASH "01e010312f5910bf29746600b947b4c5c1c1e7f8da2642bf6454c37946fea5f7"

typedef mambac_weights mamba1_tiny_weights;
typedef mambac_workspace mamba1_tiny_workspace;
struct CUstream_st; /* cudaStream_t is a pointer to it; null is the default stream */

/* Functions that return int return a status of mambac.h; `message`, if not null, then holds a sentence for people. A
 * function that opens and fails leaves its handle empty or null: closing it does nothing. All work on the current GPU. */

/* Checks the GPU, then the weights file that belongs to this library (every checksum) or the bytes of such a file in
 * the host's memory, aligned to 64 bytes, and copies the weights to the GPU. */
int mamba1_tiny_weights_open(const char* path, mamba1_tiny_weights* weights, char* message, size_t message_bytes);
int mamba1_tiny_weights_from_memory(const void* memory, size_t bytes, mamba1_tiny_weights* weights, char* message,
                                    size_t message_bytes);
void mamba1_tiny_weights_close(mamba1_tiny_weights* weights);

/* Makes a workspace inside MAMBA1_TINY_WORKSPACE_BYTES bytes of the GPU's memory, and prepares the kernels. */
int mamba1_tiny_workspace_open(void* memory, mamba1_tiny_workspace** workspace, char* message, size_t message_bytes);
void mamba1_tiny_workspace_close(mamba1_tiny_workspace* workspace);

/* Makes MAMBA1_TINY_STATE_BYTES bytes of the GPU's memory at `state` the state before the first token. */
int mamba1_tiny_state_reset(void* state, struct CUstream_st* stream);

/* One token of each sequence.
 *   tokens (MAMBA1_TINY_BATCH), each at least 0 and below MAMBA1_TINY_VOCABULARY
 *   output (MAMBA1_TINY_BATCH, MAMBA1_TINY_OUTPUT_SIZE): logits */
int mamba1_tiny_step(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                     const int32_t* tokens, float* output, struct CUstream_st* stream);

/* `count` tokens of each sequence, 1 to MAMBA1_TINY_FORWARD_TOKENS.
 *   tokens (MAMBA1_TINY_BATCH, count), each at least 0 and below MAMBA1_TINY_VOCABULARY
 *   outputs MAMBAC_ALL: output (MAMBA1_TINY_BATCH, count, MAMBA1_TINY_OUTPUT_SIZE)
 *           MAMBAC_LAST: output (MAMBA1_TINY_BATCH, MAMBA1_TINY_OUTPUT_SIZE), of the last token alone */
int mamba1_tiny_forward(const mamba1_tiny_weights* weights, mamba1_tiny_workspace* workspace, void* state,
                        const int32_t* tokens, int32_t count, int32_t outputs, float* output,
                        struct CUstream_st* stream);

/* All of the above as a table, for hosts that load any artifact; its calls use the default stream. */
const mambac_artifact* mamba1_tiny_artifact(void);

/* What a status means. */
const char* mamba1_tiny_status_message(int status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
