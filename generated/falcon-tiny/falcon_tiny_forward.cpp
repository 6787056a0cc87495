// falcon_tiny: a block of tokens.
// Written by mambac 0.1.0 for plan 531004f6c946a32e; do not edit.
#include "falcon_tiny_kernels.h"
#include "falcon_tiny_programs.h"

namespace falcon_tiny_runtime {

namespace {

// `rows` tokens of one sequence, at most 64, through all layers.
void forward_block(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, int rows) {
  float* const residual = activations;               // (64, 48)
  float* const normed = activations + 3072;          // (64, 48)
  float* const xz = activations + 6144;              // (64, 256)
  float* const x = activations + 22528;              // (64, 128)
  float* const dt_b_c = activations + 30720;         // (64, 48)
  float* const dt_b_c_normed = activations + 33792;  // (64, 48)
  float* const delta = activations + 36864;          // (64, 128)
  float* const y = activations + 45056;              // (64, 128)

  // residual = embedding[token]
  embed_48(f32(weights, 0), tokens, residual, rows);

  // Layer 0.
  // normed = norm(residual)
  rms_norm_48(f32(weights, 24576), residual, 1e-05f, normed, rows);
  // [x, z] = in_proj normed
  project_48_to_256_tile_rows_3(f32(weights, 24768), normed, xz, rows);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 73920), f32(weights, 75968), state, xz, x, 1, rows);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_3(f32(weights, 76480), x, dt_b_c, rows);
  // dt = rms_norm(dt), without weights
  rms_norm_4(dt_b_c, 1e-06f, dt_b_c_normed, rows);
  // B = rms_norm(B), without weights
  rms_norm_16(dt_b_c + 4, 1e-06f, dt_b_c_normed + 4, rows);
  // C = rms_norm(C), without weights
  rms_norm_16(dt_b_c + 20, 1e-06f, dt_b_c_normed + 20, rows);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_3(f32(weights, 96960), f32(weights, 99008), dt_b_c_normed, delta, rows);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 99520), f32(weights, 107712), state + 384, delta, x, xz + 128, dt_b_c_normed + 4,
                        dt_b_c_normed + 20, y, 1, rows);
  // residual += out_proj y
  project_128_to_48_tile_rows_3(f32(weights, 108224), y, residual, rows);

  // Layer 1.
  // normed = norm(residual)
  rms_norm_48(f32(weights, 132800), residual, 1e-05f, normed, rows);
  // [x, z] = in_proj normed
  project_48_to_256_tile_rows_3(f32(weights, 132992), normed, xz, rows);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 182144), f32(weights, 184192), state + 2432, xz, x, 1, rows);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_3(f32(weights, 184704), x, dt_b_c, rows);
  // dt = rms_norm(dt), without weights
  rms_norm_4(dt_b_c, 1e-06f, dt_b_c_normed, rows);
  // B = rms_norm(B), without weights
  rms_norm_16(dt_b_c + 4, 1e-06f, dt_b_c_normed + 4, rows);
  // C = rms_norm(C), without weights
  rms_norm_16(dt_b_c + 20, 1e-06f, dt_b_c_normed + 20, rows);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_3(f32(weights, 205184), f32(weights, 207232), dt_b_c_normed, delta, rows);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 207744), f32(weights, 215936), state + 2816, delta, x, xz + 128, dt_b_c_normed + 4,
                        dt_b_c_normed + 20, y, 1, rows);
  // residual += out_proj y
  project_128_to_48_tile_rows_3(f32(weights, 216448), y, residual, rows);
}

// The outputs of every token of a block.
void forward_outputs_all(const unsigned char* weights, float* activations, int rows, float* output) {
  float* const residual = activations;       // (64, 48)
  float* const normed = activations + 3072;  // (64, 48)

  // normed = norm(residual)
  rms_norm_48(f32(weights, 241024), residual, 1e-05f, normed, rows);
  // output = head normed
  project_48_to_128_tile_rows_3(f32(weights, 241216), normed, output, rows);
}

// The output of a block's last token.
void forward_outputs_last(const unsigned char* weights, float* activations, int rows, float* output) {
  float* const residual = activations;       // (64, 48)
  float* const normed = activations + 3072;  // (64, 48)

  // normed = norm(residual)
  rms_norm_48(f32(weights, 241024), residual + (rows - 1) * 48, 1e-05f, normed, 1);
  // output = head normed
  project_48_to_128_tile_rows_1(f32(weights, 241216), normed, output, 1);
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
      forward_outputs_all(weights, activations, rows, output + first * 128);
    }
  }
  if (outputs == MAMBAC_LAST) forward_outputs_last(weights, activations, rows, output);
}

}  // namespace falcon_tiny_runtime
