// mamba1_tiny: one token.
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#include "runtime/cuda_launch.h"
#include "mamba1_tiny_kernels.h"
#include "mamba1_tiny_programs.h"

namespace mamba1_tiny_runtime {

int step(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, float* output,
         cudaStream_t stream) {
  float* const exchange = activations;  // (1, 2944)
  Launcher launch(stream);

  // a token through the whole model, every block a share of it
  launch.cooperative(decode_256x64x16x4, dim3(16), 288, 132880, weights, state, exchange, tokens, nullptr, output, 1,
                     nullptr, 1e-05f, 0.0f);
  return launch.status();
}

}  // namespace mamba1_tiny_runtime
