// mamba2_tiny: a block of tokens.
// Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
#include "mamba2_tiny_kernels.h"
#include "mamba2_tiny_programs.h"

namespace mamba2_tiny_runtime {

namespace {

// `rows` tokens of one sequence, at most 64, through all layers.
void forward_block(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, int rows) {
  float* const residual = activations;          // (64, 64)
  float* const normed = activations + 4096;     // (64, 64)
  float* const projected = activations + 8192;  // (64, 336)
  float* const x_b_c = activations + 29696;     // (64, 192)
  float* const delta = activations + 41984;     // (64, 16)
  float* const decay = activations + 43008;     // (64, 16)
  float* const y = activations + 44032;         // (64, 128)
  float* const mixed = activations + 52224;     // (64, 128)

  // residual = embedding[token]
  embed_panels_256x64(f32(weights, 0), tokens, residual, rows);

  // Layer 0.
  // normed = norm(residual)
  rms_norm_64(f32(weights, 65536), residual, 1e-05f, normed, rows);
  // [z, x, B, C, dt] = in_proj normed
  project_64_to_336_tile_rows_3(f32(weights, 65792), normed, projected, rows);
  // [x, B, C] = silu(convolution(window, [x, B, C]))
  convolve_192x4(f32(weights, 151808), f32(weights, 154880), state, projected + 128, x_b_c, 1, rows);
  // delta = clamp(softplus(dt + dt_bias)); decay = exp(delta A)
  discretize(f32(weights, 155712), f32(weights, 155648), 0.0f, 1e+30f, projected + 320, delta, decay, rows);
  // h = decay h + delta x B; y = h C + D x
  head_scan_32(f32(weights, 155776), state + 576, x_b_c, x_b_c + 128, x_b_c + 160, delta, decay, y, 1, rows);
  // mixed = rms_norm(y silu(z)), by groups
  gated_rms_norm_128(f32(weights, 155840), y, projected, 1e-05f, mixed, rows);
  // residual += out_proj mixed
  project_128_to_64_tile_rows_3(f32(weights, 156352), mixed, residual, rows);

  // Layer 1.
  // normed = norm(residual)
  rms_norm_64(f32(weights, 189120), residual, 1e-05f, normed, rows);
  // [z, x, B, C, dt] = in_proj normed
  project_64_to_336_tile_rows_3(f32(weights, 189376), normed, projected, rows);
  // [x, B, C] = silu(convolution(window, [x, B, C]))
  convolve_192x4(f32(weights, 275392), f32(weights, 278464), state + 4672, projected + 128, x_b_c, 1, rows);
  // delta = clamp(softplus(dt + dt_bias)); decay = exp(delta A)
  discretize(f32(weights, 279296), f32(weights, 279232), 0.0f, 1e+30f, projected + 320, delta, decay, rows);
  // h = decay h + delta x B; y = h C + D x
  head_scan_32(f32(weights, 279360), state + 5248, x_b_c, x_b_c + 128, x_b_c + 160, delta, decay, y, 1, rows);
  // mixed = rms_norm(y silu(z)), by groups
  gated_rms_norm_128(f32(weights, 279424), y, projected, 1e-05f, mixed, rows);
  // residual += out_proj mixed
  project_128_to_64_tile_rows_3(f32(weights, 279936), mixed, residual, rows);
}

// The outputs of every token of a block.
void forward_outputs_all(const unsigned char* weights, float* activations, int rows, float* output) {
  float* const residual = activations;       // (64, 64)
  float* const normed = activations + 4096;  // (64, 64)

  // normed = norm(residual)
  rms_norm_64(f32(weights, 312704), residual, 1e-05f, normed, rows);
  // output = head normed
  project_64_to_256_tile_rows_3(f32(weights, 0), normed, output, rows);
}

// The output of a block's last token.
void forward_outputs_last(const unsigned char* weights, float* activations, int rows, float* output) {
  float* const residual = activations;       // (64, 64)
  float* const normed = activations + 4096;  // (64, 64)

  // normed = norm(residual)
  rms_norm_64(f32(weights, 312704), residual + (rows - 1) * 64, 1e-05f, normed, 1);
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

}  // namespace mamba2_tiny_runtime
