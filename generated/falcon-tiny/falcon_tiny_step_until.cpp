// falcon_tiny: a step that changes the state at its end, or not at all.
// Written by mambac 0.1.0 for plan 531004f6c946a32e; do not edit.
#include <cstring>

#include "falcon_tiny_kernels.h"
#include "falcon_tiny_programs.h"

namespace falcon_tiny_runtime {

namespace {

// A step on a copy of the state; leaves it half done when the deadline passes.
void step_in_time(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, float* output,
                  const Deadline& deadline) {
  float* const residual = activations;             // (1, 48)
  float* const normed = activations + 48;          // (1, 48)
  float* const xz = activations + 96;              // (1, 256)
  float* const x = activations + 352;              // (1, 128)
  float* const dt_b_c = activations + 480;         // (1, 48)
  float* const dt_b_c_normed = activations + 528;  // (1, 48)
  float* const delta = activations + 576;          // (1, 128)
  float* const y = activations + 704;              // (1, 128)

  // residual = embedding[token]
  embed_48(f32(weights, 0), tokens, residual, 1);

  // Layer 0.
  if (deadline.passed()) return;
  // normed = norm(residual)
  rms_norm_48(f32(weights, 24576), residual, 1e-05f, normed, 1);
  // [x, z] = in_proj normed
  project_48_to_256_tile_rows_1(f32(weights, 24768), normed, xz, 1);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 73920), f32(weights, 75968), state, xz, x, 1, 1);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_1(f32(weights, 76480), x, dt_b_c, 1);
  // dt = rms_norm(dt), without weights
  rms_norm_4(dt_b_c, 1e-06f, dt_b_c_normed, 1);
  // B = rms_norm(B), without weights
  rms_norm_16(dt_b_c + 4, 1e-06f, dt_b_c_normed + 4, 1);
  // C = rms_norm(C), without weights
  rms_norm_16(dt_b_c + 20, 1e-06f, dt_b_c_normed + 20, 1);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_1(f32(weights, 96960), f32(weights, 99008), dt_b_c_normed, delta, 1);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 99520), f32(weights, 107712), state + 384, delta, x, xz + 128, dt_b_c_normed + 4,
                        dt_b_c_normed + 20, y, 1, 1);
  // residual += out_proj y
  project_128_to_48_tile_rows_1(f32(weights, 108224), y, residual, 1);

  // Layer 1.
  if (deadline.passed()) return;
  // normed = norm(residual)
  rms_norm_48(f32(weights, 132800), residual, 1e-05f, normed, 1);
  // [x, z] = in_proj normed
  project_48_to_256_tile_rows_1(f32(weights, 132992), normed, xz, 1);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 182144), f32(weights, 184192), state + 2432, xz, x, 1, 1);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_1(f32(weights, 184704), x, dt_b_c, 1);
  // dt = rms_norm(dt), without weights
  rms_norm_4(dt_b_c, 1e-06f, dt_b_c_normed, 1);
  // B = rms_norm(B), without weights
  rms_norm_16(dt_b_c + 4, 1e-06f, dt_b_c_normed + 4, 1);
  // C = rms_norm(C), without weights
  rms_norm_16(dt_b_c + 20, 1e-06f, dt_b_c_normed + 20, 1);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_1(f32(weights, 205184), f32(weights, 207232), dt_b_c_normed, delta, 1);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 207744), f32(weights, 215936), state + 2816, delta, x, xz + 128, dt_b_c_normed + 4,
                        dt_b_c_normed + 20, y, 1, 1);
  // residual += out_proj y
  project_128_to_48_tile_rows_1(f32(weights, 216448), y, residual, 1);

  // normed = norm(residual)
  rms_norm_48(f32(weights, 241024), residual, 1e-05f, normed, 1);
  // output = head normed
  project_48_to_128_tile_rows_1(f32(weights, 241216), normed, output, 1);
}

}  // namespace

bool step_until(const unsigned char* weights, float* state, Workspace& workspace, const int32_t* tokens, float* output,
                Deadline deadline) {
  std::memcpy(workspace.next_state, state, sizeof workspace.next_state);
  step_in_time(weights, workspace.next_state, workspace.activations, tokens, output, deadline);
  if (deadline.passed()) return false;
  std::memcpy(state, workspace.next_state, sizeof workspace.next_state);
  return true;
}

}  // namespace falcon_tiny_runtime
