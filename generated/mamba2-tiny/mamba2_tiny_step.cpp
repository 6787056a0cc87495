// mamba2_tiny: one token.
// Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
#include "mamba2_tiny_kernels.h"
#include "mamba2_tiny_programs.h"

namespace mamba2_tiny_runtime {

void step(const unsigned char* weights, float* state, Workspace& workspace, const int32_t* tokens, float* output) {
  float* const activations = workspace.activations;
  float* const residual = activations;         // (1, 64)
  float* const normed = activations + 64;      // (1, 64)
  float* const projected = activations + 128;  // (1, 336)
  float* const x_b_c = activations + 464;      // (1, 192)
  float* const delta = activations + 656;      // (1, 16)
  float* const decay = activations + 672;      // (1, 16)
  float* const y = activations + 688;          // (1, 128)
  float* const mixed = activations + 816;      // (1, 128)

  // residual = embedding[token]
  embed_panels_256x64(f32(weights, 0), tokens, residual, 1);

  // Layer 0.
  // normed = norm(residual)
  rms_norm_64(f32(weights, 65536), residual, 1e-05f, normed, 1);
  // [z, x, B, C, dt] = in_proj normed
  project_64_to_336_tile_rows_1(f32(weights, 65792), normed, projected, 1);
  // [x, B, C] = silu(convolution(window, [x, B, C]))
  convolve_192x4(f32(weights, 151808), f32(weights, 154880), state, projected + 128, x_b_c, 1, 1);
  // delta = clamp(softplus(dt + dt_bias)); decay = exp(delta A)
  discretize(f32(weights, 155712), f32(weights, 155648), 0.0f, 1e+30f, projected + 320, delta, decay, 1);
  // h = decay h + delta x B; y = h C + D x
  head_scan_32(f32(weights, 155776), state + 576, x_b_c, x_b_c + 128, x_b_c + 160, delta, decay, y, 1, 1);
  // mixed = rms_norm(y silu(z)), by groups
  gated_rms_norm_128(f32(weights, 155840), y, projected, 1e-05f, mixed, 1);
  // residual += out_proj mixed
  project_128_to_64_tile_rows_1(f32(weights, 156352), mixed, residual, 1);

  // Layer 1.
  // normed = norm(residual)
  rms_norm_64(f32(weights, 189120), residual, 1e-05f, normed, 1);
  // [z, x, B, C, dt] = in_proj normed
  project_64_to_336_tile_rows_1(f32(weights, 189376), normed, projected, 1);
  // [x, B, C] = silu(convolution(window, [x, B, C]))
  convolve_192x4(f32(weights, 275392), f32(weights, 278464), state + 4672, projected + 128, x_b_c, 1, 1);
  // delta = clamp(softplus(dt + dt_bias)); decay = exp(delta A)
  discretize(f32(weights, 279296), f32(weights, 279232), 0.0f, 1e+30f, projected + 320, delta, decay, 1);
  // h = decay h + delta x B; y = h C + D x
  head_scan_32(f32(weights, 279360), state + 5248, x_b_c, x_b_c + 128, x_b_c + 160, delta, decay, y, 1, 1);
  // mixed = rms_norm(y silu(z)), by groups
  gated_rms_norm_128(f32(weights, 279424), y, projected, 1e-05f, mixed, 1);
  // residual += out_proj mixed
  project_128_to_64_tile_rows_1(f32(weights, 279936), mixed, residual, 1);

  // normed = norm(residual)
  rms_norm_64(f32(weights, 312704), residual, 1e-05f, normed, 1);
  // output = head normed
  project_64_to_256_tile_rows_1(f32(weights, 0), normed, output, 1);
}

}  // namespace mamba2_tiny_runtime
