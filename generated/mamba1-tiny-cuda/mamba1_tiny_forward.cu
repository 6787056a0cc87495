// mamba1_tiny: a block of tokens.
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#include "runtime/cuda_launch.h"
#include "mamba1_tiny_kernels.h"
#include "mamba1_tiny_programs.h"

namespace mamba1_tiny_runtime {

int forward(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, int count,
            int outputs, float* output, cudaStream_t stream) {
  float* const residual = activations + 2944;  // (64, 64)
  float* const normed = activations + 7040;    // (64, 64)
  float* const xz = activations + 11136;       // (64, 256)
  float* const x = activations + 27520;        // (64, 128)
  float* const dt_b_c = activations + 35712;   // (64, 48)
  float* const delta = activations + 38784;    // (64, 128)
  float* const y = activations + 46976;        // (64, 128)
  Launcher launch(stream);

  // residual = embedding[token]
  launch(embed_256x64, dim3(1, count), 64, 0, f32(weights, 0), tokens, residual);

  // Layer 0.
  // normed = norm(residual)
  launch(rms_norm_64, dim3(1, count), 64, 0, f32(weights, 65536), residual, 1, 1e-05f, normed);
  // [x, z] = in_proj normed
  launch(project_64_to_256_tile_rows_8, dim3(64, (count + 7) / 8), 128, 0, f32(weights, 65792), nullptr, normed, xz,
         count);
  // x = silu(convolution(window, x))
  launch(convolve_128x4, dim3(2, 1), 64, 0, f32(weights, 131328), f32(weights, 133376), state, xz, x, count);
  // [dt, B, C] = x_proj x
  launch(project_128_to_36, dim3(9, (count + 7) / 8), 128, 0, f32(weights, 133888), nullptr, x, dt_b_c, count);
  // delta before softplus = dt_proj dt + bias
  launch(project_4_to_128, dim3(32, (count + 7) / 8), 128, 0, f32(weights, 152320), f32(weights, 154368), dt_b_c, delta,
         count);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  launch(selective_scan_128x16, dim3(4, 1), 32, 0, f32(weights, 154880), f32(weights, 163072), state + 384, delta, x,
         xz + 128, dt_b_c + 4, dt_b_c + 20, y, count);
  // residual += out_proj y
  launch(project_128_to_64, dim3(16, (count + 7) / 8), 128, 0, f32(weights, 163584), nullptr, y, residual, count);

  // Layer 1.
  // normed = norm(residual)
  launch(rms_norm_64, dim3(1, count), 64, 0, f32(weights, 196352), residual, 1, 1e-05f, normed);
  // [x, z] = in_proj normed
  launch(project_64_to_256_tile_rows_8, dim3(64, (count + 7) / 8), 128, 0, f32(weights, 196608), nullptr, normed, xz,
         count);
  // x = silu(convolution(window, x))
  launch(convolve_128x4, dim3(2, 1), 64, 0, f32(weights, 262144), f32(weights, 264192), state + 2432, xz, x, count);
  // [dt, B, C] = x_proj x
  launch(project_128_to_36, dim3(9, (count + 7) / 8), 128, 0, f32(weights, 264704), nullptr, x, dt_b_c, count);
  // delta before softplus = dt_proj dt + bias
  launch(project_4_to_128, dim3(32, (count + 7) / 8), 128, 0, f32(weights, 283136), f32(weights, 285184), dt_b_c, delta,
         count);
  // h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
  launch(selective_scan_128x16, dim3(4, 1), 32, 0, f32(weights, 285696), f32(weights, 293888), state + 2816, delta, x,
         xz + 128, dt_b_c + 4, dt_b_c + 20, y, count);
  // residual += out_proj y
  launch(project_128_to_64, dim3(16, (count + 7) / 8), 128, 0, f32(weights, 294400), nullptr, y, residual, count);

  if (outputs == MAMBAC_ALL) {
    // normed = norm(residual)
    launch(rms_norm_64, dim3(1, count), 64, 0, f32(weights, 327168), residual, 1, 1e-05f, normed);
    // output = head normed
    launch(project_64_to_256_tile_rows_8, dim3(64, (count + 7) / 8), 128, 0, f32(weights, 0), nullptr, normed, output,
           count);
  } else {
    // normed = norm(residual)
    launch(rms_norm_64, dim3(1, 1), 64, 0, f32(weights, 327168), residual + (count - 1) * 64, count, 1e-05f, normed);
    // output = head normed
    launch(project_64_to_256_tile_rows_1, dim3(64, 1), 128, 0, f32(weights, 0), nullptr, normed, output, 1);
  }
  return launch.status();
}

}  // namespace mamba1_tiny_runtime
