// mamba1_tiny: a step that changes the state at its end, or not at all.
// Written by mambac 0.1.0 for plan 191624eff0d5986a; do not edit.
#include <cstring>

#include "mamba1_tiny_kernels.h"
#include "mamba1_tiny_programs.h"

namespace mamba1_tiny_runtime {

namespace {

// A step on a copy of the state; leaves it half done when the deadline passes.
void step_in_time(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, float* output,
                  const Deadline& deadline) {
  float* const residual = activations;      // (1, 64)
  float* const normed = activations + 64;   // (1, 64)
  float* const xz = activations + 128;      // (1, 256)
  float* const x = activations + 384;       // (1, 128)
  float* const dt_b_c = activations + 512;  // (1, 48)
  float* const delta = activations + 560;   // (1, 128)
  float* const y = activations + 688;       // (1, 128)

  // residual = embedding[token]
  embed_panels_256x64(f32(weights, 0), tokens, residual, 1);

  // Layer 0.
  if (deadline.passed()) return;
  // normed = norm(residual)
  rms_norm_64(f32(weights, 65536), residual, 1e-05f, normed, 1);
  // [x, z] = in_proj normed
  project_64_to_256_tile_rows_1(f32(weights, 65792), normed, xz, 1);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 131328), f32(weights, 133376), state, xz, x, 1, 1);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_1(f32(weights, 133888), x, dt_b_c, 1);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_1(f32(weights, 154368), f32(weights, 156416), dt_b_c, delta, 1);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 156928), f32(weights, 165120), state + 384, delta, x, xz + 128, dt_b_c + 4,
                        dt_b_c + 20, y, 1, 1);
  // residual += out_proj y
  project_128_to_64_tile_rows_1(f32(weights, 165632), y, residual, 1);

  // Layer 1.
  if (deadline.passed()) return;
  // normed = norm(residual)
  rms_norm_64(f32(weights, 198400), residual, 1e-05f, normed, 1);
  // [x, z] = in_proj normed
  project_64_to_256_tile_rows_1(f32(weights, 198656), normed, xz, 1);
  // x = silu(convolution(window, x))
  convolve_128x4(f32(weights, 264192), f32(weights, 266240), state + 2432, xz, x, 1, 1);
  // [dt, B, C] = x_proj x
  project_128_to_36_tile_rows_1(f32(weights, 266752), x, dt_b_c, 1);
  // delta before softplus = dt_proj dt + bias
  project_4_to_128_tile_rows_1(f32(weights, 287232), f32(weights, 289280), dt_b_c, delta, 1);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  selective_scan_128x16(f32(weights, 289792), f32(weights, 297984), state + 2816, delta, x, xz + 128, dt_b_c + 4,
                        dt_b_c + 20, y, 1, 1);
  // residual += out_proj y
  project_128_to_64_tile_rows_1(f32(weights, 298496), y, residual, 1);

  // normed = norm(residual)
  rms_norm_64(f32(weights, 331264), residual, 1e-05f, normed, 1);
  // output = head normed
  project_64_to_256_tile_rows_1(f32(weights, 0), normed, output, 1);
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

}  // namespace mamba1_tiny_runtime
