// mamba1_tiny: a block of tokens.
// Written by mambac 0.1.0 for plan 191624eff0d5986a; do not edit.
#include "mamba1_tiny_kernels.h"
#include "mamba1_tiny_programs.h"

namespace mamba1_tiny_runtime {

namespace {

// `rows` tokens of one sequence, at most 64, through all layers.
void forward_block(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, int rows) {
  float* const residual = activations;        // (64, 64)
  float* const normed = activations + 4096;   // (64, 64)
  float* const xz = activations + 8192;       // (64, 256)
  float* const x = activations + 24576;       // (64, 128)
  float* const dt_b_c = activations + 32768;  // (64, 48)
  float* const delta = activations + 35840;   // (64, 128)
  float* const y = activations + 44032;       // (64, 128)

  // residual = embedding[token]
  embed_panels_256x64(f32(weights, 0), tokens, residual, rows);

  // Layer 0.
  // normed = norm(residual)
  rms_norm_64(f32(weights, 65536), residual, 1e-05f, normed, rows);
  // [x, z] = in_proj normed
  project_64_to_256_tile_rows_3(f32(weights, 65792), normed, xz, rows);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 131328), f32(weights, 133376), state, xz, x, 1, rows);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_3(f32(weights, 133888), x, dt_b_c, rows);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_3(f32(weights, 154368), f32(weights, 156416), dt_b_c, delta, rows);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 156928), f32(weights, 165120), state + 384, delta, x, xz + 128, dt_b_c + 4,
                        dt_b_c + 20, y, 1, rows);
  // residual += out_proj y
  project_128_to_64_tile_rows_3(f32(weights, 165632), y, residual, rows);

  // Layer 1.
  // normed = norm(residual)
  rms_norm_64(f32(weights, 198400), residual, 1e-05f, normed, rows);
  // [x, z] = in_proj normed
  project_64_to_256_tile_rows_3(f32(weights, 198656), normed, xz, rows);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 264192), f32(weights, 266240), state + 2432, xz, x, 1, rows);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_3(f32(weights, 266752), x, dt_b_c, rows);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_3(f32(weights, 287232), f32(weights, 289280), dt_b_c, delta, rows);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 289792), f32(weights, 297984), state + 2816, delta, x, xz + 128, dt_b_c + 4,
                        dt_b_c + 20, y, 1, rows);
  // residual += out_proj y
  project_128_to_64_tile_rows_3(f32(weights, 298496), y, residual, rows);
}

// The outputs of every token of a block.
void forward_outputs_all(const unsigned char* weights, float* activations, int rows, float* output) {
  float* const residual = activations;       // (64, 64)
  float* const normed = activations + 4096;  // (64, 64)

  // normed = norm(residual)
  rms_norm_64(f32(weights, 331264), residual, 1e-05f, normed, rows);
  // output = head normed
  project_64_to_256_tile_rows_3(f32(weights, 0), normed, output, rows);
}

// The output of a block's last token.
void forward_outputs_last(const unsigned char* weights, float* activations, int rows, float* output) {
  float* const residual = activations;       // (64, 64)
  float* const normed = activations + 4096;  // (64, 64)

  // normed = norm(residual)
  rms_norm_64(f32(weights, 331264), residual + (rows - 1) * 64, 1e-05f, normed, 1);
  // output = head normed
  project_64_to_256_tile_rows_1(f32(weights, 0), normed, output, 1);
}

}  // namespace

void forward(const unsigned char* weights, float* state, Workspace& workspace, const int32_t* tokens, int count,
             int outputs, float* output) {
  float* const activations = workspace.activations;
  int rows = 0;
  for (long first = 0; first < count; first += 64) {
    rows = count - first < 64 ? static_cast<int>(count - first) : 64;
    forward_block(weights, state, activations, tokens + first, rows);
    if (outputs == MAMBAC_ALL) {
      forward_outputs_all(weights, activations, rows, output + first * 256);
    }
  }
  if (outputs == MAMBAC_LAST) forward_outputs_last(weights, activations, rows, output);
}

}  // namespace mamba1_tiny_runtime
