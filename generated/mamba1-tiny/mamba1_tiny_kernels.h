// mamba1_tiny: the kernels, specialized for this model's shapes from the templates of mambac.
// Written by mambac 0.1.0 for plan 191624eff0d5986a; do not edit.
#pragma once

#include "runtime/mathematics.h"
#include "runtime/reduce.h"
#include "runtime/vector.h"

namespace mamba1_tiny_runtime {

// output (rows, 64) = the tokens' rows of the matrix (256, 64) that `project` reads, in panels of 32 tokens; the last
// panel is as narrow as whole vectors of 8 allow.
inline void embed_panels_256x64(const float* weights, const std::int32_t* tokens, float* output, int rows) {
  const int end = rows;
  for (int row = 0; row < end; ++row) {
    const int panel = tokens[row] / 32;
    const int width = panel < 8 ? 32 : 0;
    const float* from = weights + static_cast<long>(panel) * 2048 + tokens[row] % 32;
    for (int index = 0; index < 64; ++index) {
      output[row * 64 + index] = to_float(from[index * width]);
    }
  }
}

// output (rows, 64) = input / sqrt(mean(input^2) + epsilon), times weight (64). May be in place.
inline void rms_norm_64(const float* weight, const float* input, float epsilon, float* output, int rows) {
  const int end = rows;
  for (int row = 0; row < end; ++row) {
    const float* from = input + row * 64;
    float* to = output + row * 64;
    const float squares = sum_of_squares<64>(from);
    const float scale = 1.0f / __builtin_sqrtf(squares / 64 + epsilon);
    for (int index = 0; index < 64; ++index) {
      to[index] = from[index] * scale * weight[index];
    }
  }
}

// 32 outputs of one panel for one row, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. A panel of f32 is [input][output]; of
// bfloat16 [pair of inputs][output], the even input in a word's lower half.
inline void project_tile_64_to_256_tile_rows_1(const float* panel, const float* input, float* output) {
  floats<8> sum[1][4] = {};
  for (int column = 0; column < 64; ++column) {
    floats<8> x[1];
    x[0] = broadcast<8>(input[column]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
    }
  }
  float* to = output;
  store<8>(to, sum[0][0]);
  store<8>(to + 8, sum[0][1]);
  store<8>(to + 16, sum[0][2]);
  store<8>(to + 24, sum[0][3]);
}

// All rows of one panel.
inline void project_panel_64_to_256_tile_rows_1(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_64_to_256_tile_rows_1(panel, input + row * 64, output + row * 256);
  }
}

// output (rows, 256) = weights (256, 64) input (rows, 64). The weights lie in panels of 32 outputs, the last one as
// narrow as what is left allows.
inline void project_64_to_256_tile_rows_1(const float* weights, const float* input, float* output, int rows) {
  for (int panel = 0; panel < 8; ++panel) {
    project_panel_64_to_256_tile_rows_1(weights + static_cast<long>(panel) * 2048, input, output + panel * 32, rows);
  }
}

// output = silu(bias + sum over k of taps[k] x[t - 3 + k]) for `tokens` tokens of `sequences` sequences. taps (4, 128);
// window (3, 128) of a sequence holds the inputs before its first token, oldest first, and is left holding the last
// ones. Input and output have sequences * tokens rows.
inline void convolve_128x4(const float* taps, const float* bias, float* window, const float* input, float* output,
                           int sequences, int tokens) {
  for (int block = 0; block < 16; ++block) {
    const int channel = block * 8;
    for (long sequence = 0; sequence < sequences; ++sequence) {
      floats<8> x[4];
      x[0] = load<8>(window + sequence * 4864 + channel);
      x[1] = load<8>(window + sequence * 4864 + 128 + channel);
      x[2] = load<8>(window + sequence * 4864 + 256 + channel);
      for (int token = 0; token < tokens; ++token) {
        const long row = sequence * tokens + token;
        x[3] = load<8>(input + row * 256 + channel);
        floats<8> sum = load<8>(bias + channel);
        sum = fused_multiply_add<8>(load<8>(taps + channel), x[0], sum);
        sum = fused_multiply_add<8>(load<8>(taps + 128 + channel), x[1], sum);
        sum = fused_multiply_add<8>(load<8>(taps + 256 + channel), x[2], sum);
        sum = fused_multiply_add<8>(load<8>(taps + 384 + channel), x[3], sum);
        store<8>(output + row * 128 + channel, silu<8>(sum));
        x[0] = x[1];
        x[1] = x[2];
        x[2] = x[3];
      }
      store<8>(window + sequence * 4864 + channel, x[0]);
      store<8>(window + sequence * 4864 + 128 + channel, x[1]);
      store<8>(window + sequence * 4864 + 256 + channel, x[2]);
    }
  }
}

// 32 outputs of one panel for one row, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. A panel of f32 is [input][output]; of
// bfloat16 [pair of inputs][output], the even input in a word's lower half.
inline void project_tile_128_to_36_tile_rows_1(const float* panel, const float* input, float* output) {
  floats<8> sum[1][4] = {};
  for (int column = 0; column < 128; ++column) {
    floats<8> x[1];
    x[0] = broadcast<8>(input[column]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
    }
  }
  float* to = output;
  store<8>(to, sum[0][0]);
  store<8>(to + 8, sum[0][1]);
  store<8>(to + 16, sum[0][2]);
  store<8>(to + 24, sum[0][3]);
}

// All rows of one panel.
inline void project_panel_128_to_36_tile_rows_1(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_128_to_36_tile_rows_1(panel, input + row * 128, output + row * 48);
  }
}

// 4 outputs of one panel for one row, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. A panel of f32 is [input][output]; of
// bfloat16 [pair of inputs][output], the even input in a word's lower half.
inline void project_tile_128_to_36_tile_rows_1_outputs_4(const float* panel, const float* input, float* output) {
  floats<8> sum[1][1] = {};
  for (int column = 0; column < 128; ++column) {
    floats<8> weight[1];
    weight[0] = load<8>(panel + column * 8);
    const floats<8> x = broadcast<8>(input[column]);
    sum[0][0] = fused_multiply_add<8>(weight[0], x, sum[0][0]);
  }
  float* to = output;
  store_first<8, 4>(to, sum[0][0]);
}

// All rows of one panel.
inline void project_panel_128_to_36_tile_rows_1_outputs_4(const float* panel, const float* input, float* output,
                                                          int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_128_to_36_tile_rows_1_outputs_4(panel, input + row * 128, output + row * 48);
  }
}

// output (rows, 36) = weights (36, 128) input (rows, 128). The weights lie in panels of 32 outputs, the last one as
// narrow as what is left allows.
inline void project_128_to_36_tile_rows_1(const float* weights, const float* input, float* output, int rows) {
  project_panel_128_to_36_tile_rows_1(weights, input, output, rows);
  project_panel_128_to_36_tile_rows_1_outputs_4(weights + 4096, input, output + 32, rows);
}

// 32 outputs of one panel for one row, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. A panel of f32 is [input][output]; of
// bfloat16 [pair of inputs][output], the even input in a word's lower half.
inline void project_tile_4_to_128_tile_rows_1(const float* panel, const float* bias, const float* input,
                                              float* output) {
  floats<8> sum[1][4] = {};
  for (int column = 0; column < 4; ++column) {
    floats<8> x[1];
    x[0] = broadcast<8>(input[column]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
    }
  }
  float* to = output;
  sum[0][0] += load<8>(bias);
  sum[0][1] += load<8>(bias + 8);
  sum[0][2] += load<8>(bias + 16);
  sum[0][3] += load<8>(bias + 24);
  store<8>(to, sum[0][0]);
  store<8>(to + 8, sum[0][1]);
  store<8>(to + 16, sum[0][2]);
  store<8>(to + 24, sum[0][3]);
}

// All rows of one panel.
inline void project_panel_4_to_128_tile_rows_1(const float* panel, const float* bias, const float* input, float* output,
                                               int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_4_to_128_tile_rows_1(panel, bias, input + row * 48, output + row * 128);
  }
}

// output (rows, 128) = weights (128, 4) input (rows, 4), plus bias. The weights lie in panels of 32 outputs, the last
// one as narrow as what is left allows.
inline void project_4_to_128_tile_rows_1(const float* weights, const float* bias, const float* input, float* output,
                                         int rows) {
  for (int panel = 0; panel < 4; ++panel) {
    project_panel_4_to_128_tile_rows_1(weights + static_cast<long>(panel) * 128, bias + panel * 32, input,
                                       output + panel * 32, rows);
  }
}

// For every channel and token, with delta = softplus(delta_input):
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// a and, per sequence, h are (16, 128); delta_input, x, gate and output have sequences * tokens rows of 128, b and c
// rows of 16. h is left as it is after the last token.
inline void selective_scan_128x16(const float* a, const float* d, float* h, const float* delta_input, const float* x,
                                  const float* gate, const float* b, const float* c, float* output, int sequences,
                                  int tokens) {
  constexpr float log2_of_e = 1.44269504f;
  for (int block = 0; block < 16; ++block) {
    const int channel = block * 8;
    for (long sequence = 0; sequence < sequences; ++sequence) {
      float* state = h + sequence * 4864 + channel;
      floats<8> value[16];
      value[0] = load<8>(state);
      value[1] = load<8>(state + 128);
      value[2] = load<8>(state + 256);
      value[3] = load<8>(state + 384);
      value[4] = load<8>(state + 512);
      value[5] = load<8>(state + 640);
      value[6] = load<8>(state + 768);
      value[7] = load<8>(state + 896);
      value[8] = load<8>(state + 1024);
      value[9] = load<8>(state + 1152);
      value[10] = load<8>(state + 1280);
      value[11] = load<8>(state + 1408);
      value[12] = load<8>(state + 1536);
      value[13] = load<8>(state + 1664);
      value[14] = load<8>(state + 1792);
      value[15] = load<8>(state + 1920);
      for (int token = 0; token < tokens; ++token) {
        const long row = sequence * tokens + token;
        const floats<8> delta = softplus<8>(load<8>(delta_input + row * 128 + channel));
        const floats<8> input = load<8>(x + row * 128 + channel);
        // exp(delta a) = 2^(log2(e) delta a)
        const floats<8> exponent = delta * log2_of_e;
        const floats<8> drive = delta * input;
        floats<8> sum = load<8>(d + channel) * input;
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + channel));
          value[0] = fused_multiply_add<8>(decay, value[0], drive * b[row * 48]);
          sum = fused_multiply_add<8>(value[0], broadcast<8>(c[row * 48]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 128 + channel));
          value[1] = fused_multiply_add<8>(decay, value[1], drive * b[row * 48 + 1]);
          sum = fused_multiply_add<8>(value[1], broadcast<8>(c[row * 48 + 1]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 256 + channel));
          value[2] = fused_multiply_add<8>(decay, value[2], drive * b[row * 48 + 2]);
          sum = fused_multiply_add<8>(value[2], broadcast<8>(c[row * 48 + 2]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 384 + channel));
          value[3] = fused_multiply_add<8>(decay, value[3], drive * b[row * 48 + 3]);
          sum = fused_multiply_add<8>(value[3], broadcast<8>(c[row * 48 + 3]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 512 + channel));
          value[4] = fused_multiply_add<8>(decay, value[4], drive * b[row * 48 + 4]);
          sum = fused_multiply_add<8>(value[4], broadcast<8>(c[row * 48 + 4]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 640 + channel));
          value[5] = fused_multiply_add<8>(decay, value[5], drive * b[row * 48 + 5]);
          sum = fused_multiply_add<8>(value[5], broadcast<8>(c[row * 48 + 5]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 768 + channel));
          value[6] = fused_multiply_add<8>(decay, value[6], drive * b[row * 48 + 6]);
          sum = fused_multiply_add<8>(value[6], broadcast<8>(c[row * 48 + 6]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 896 + channel));
          value[7] = fused_multiply_add<8>(decay, value[7], drive * b[row * 48 + 7]);
          sum = fused_multiply_add<8>(value[7], broadcast<8>(c[row * 48 + 7]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1024 + channel));
          value[8] = fused_multiply_add<8>(decay, value[8], drive * b[row * 48 + 8]);
          sum = fused_multiply_add<8>(value[8], broadcast<8>(c[row * 48 + 8]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1152 + channel));
          value[9] = fused_multiply_add<8>(decay, value[9], drive * b[row * 48 + 9]);
          sum = fused_multiply_add<8>(value[9], broadcast<8>(c[row * 48 + 9]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1280 + channel));
          value[10] = fused_multiply_add<8>(decay, value[10], drive * b[row * 48 + 10]);
          sum = fused_multiply_add<8>(value[10], broadcast<8>(c[row * 48 + 10]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1408 + channel));
          value[11] = fused_multiply_add<8>(decay, value[11], drive * b[row * 48 + 11]);
          sum = fused_multiply_add<8>(value[11], broadcast<8>(c[row * 48 + 11]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1536 + channel));
          value[12] = fused_multiply_add<8>(decay, value[12], drive * b[row * 48 + 12]);
          sum = fused_multiply_add<8>(value[12], broadcast<8>(c[row * 48 + 12]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1664 + channel));
          value[13] = fused_multiply_add<8>(decay, value[13], drive * b[row * 48 + 13]);
          sum = fused_multiply_add<8>(value[13], broadcast<8>(c[row * 48 + 13]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1792 + channel));
          value[14] = fused_multiply_add<8>(decay, value[14], drive * b[row * 48 + 14]);
          sum = fused_multiply_add<8>(value[14], broadcast<8>(c[row * 48 + 14]), sum);
        }
        {
          const floats<8> decay = exponential_of_two<8>(exponent * load<8>(a + 1920 + channel));
          value[15] = fused_multiply_add<8>(decay, value[15], drive * b[row * 48 + 15]);
          sum = fused_multiply_add<8>(value[15], broadcast<8>(c[row * 48 + 15]), sum);
        }
        store<8>(output + row * 128 + channel, sum * silu<8>(load<8>(gate + row * 256 + channel)));
      }
      store<8>(state, value[0]);
      store<8>(state + 128, value[1]);
      store<8>(state + 256, value[2]);
      store<8>(state + 384, value[3]);
      store<8>(state + 512, value[4]);
      store<8>(state + 640, value[5]);
      store<8>(state + 768, value[6]);
      store<8>(state + 896, value[7]);
      store<8>(state + 1024, value[8]);
      store<8>(state + 1152, value[9]);
      store<8>(state + 1280, value[10]);
      store<8>(state + 1408, value[11]);
      store<8>(state + 1536, value[12]);
      store<8>(state + 1664, value[13]);
      store<8>(state + 1792, value[14]);
      store<8>(state + 1920, value[15]);
    }
  }
}

// 32 outputs of one panel for one row, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. A panel of f32 is [input][output]; of
// bfloat16 [pair of inputs][output], the even input in a word's lower half.
inline void project_tile_128_to_64_tile_rows_1(const float* panel, const float* input, float* output) {
  floats<8> sum[1][4] = {};
  for (int column = 0; column < 128; ++column) {
    floats<8> x[1];
    x[0] = broadcast<8>(input[column]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
    }
  }
  float* to = output;
  sum[0][0] += load<8>(to);
  sum[0][1] += load<8>(to + 8);
  sum[0][2] += load<8>(to + 16);
  sum[0][3] += load<8>(to + 24);
  store<8>(to, sum[0][0]);
  store<8>(to + 8, sum[0][1]);
  store<8>(to + 16, sum[0][2]);
  store<8>(to + 24, sum[0][3]);
}

// All rows of one panel.
inline void project_panel_128_to_64_tile_rows_1(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_128_to_64_tile_rows_1(panel, input + row * 128, output + row * 64);
  }
}

// output (rows, 64) = weights (64, 128) input (rows, 128), added to what output holds. The weights lie in panels of 32
// outputs, the last one as narrow as what is left allows.
inline void project_128_to_64_tile_rows_1(const float* weights, const float* input, float* output, int rows) {
  for (int panel = 0; panel < 2; ++panel) {
    project_panel_128_to_64_tile_rows_1(weights + static_cast<long>(panel) * 4096, input, output + panel * 32, rows);
  }
}

// 32 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_64_to_256_tile_rows_3(const float* panel, const float* input, float* output) {
  floats<8> sum[3][4] = {};
  for (int column = 0; column < 64; ++column) {
    floats<8> x[3];
    x[0] = broadcast<8>(input[column]);
    x[1] = broadcast<8>(input[column + 64]);
    x[2] = broadcast<8>(input[column + 128]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
      sum[1][0] = fused_multiply_add<8>(weight, x[1], sum[1][0]);
      sum[2][0] = fused_multiply_add<8>(weight, x[2], sum[2][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
      sum[1][1] = fused_multiply_add<8>(weight, x[1], sum[1][1]);
      sum[2][1] = fused_multiply_add<8>(weight, x[2], sum[2][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
      sum[1][2] = fused_multiply_add<8>(weight, x[1], sum[1][2]);
      sum[2][2] = fused_multiply_add<8>(weight, x[2], sum[2][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
      sum[1][3] = fused_multiply_add<8>(weight, x[1], sum[1][3]);
      sum[2][3] = fused_multiply_add<8>(weight, x[2], sum[2][3]);
    }
  }
  {
    float* to = output;
    store<8>(to, sum[0][0]);
    store<8>(to + 8, sum[0][1]);
    store<8>(to + 16, sum[0][2]);
    store<8>(to + 24, sum[0][3]);
  }
  {
    float* to = output + 256;
    store<8>(to, sum[1][0]);
    store<8>(to + 8, sum[1][1]);
    store<8>(to + 16, sum[1][2]);
    store<8>(to + 24, sum[1][3]);
  }
  {
    float* to = output + 512;
    store<8>(to, sum[2][0]);
    store<8>(to + 8, sum[2][1]);
    store<8>(to + 16, sum[2][2]);
    store<8>(to + 24, sum[2][3]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_64_to_256_tile_rows_3(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_64_to_256_tile_rows_3(panel, input + row * 64, output + row * 256);
  }
  for (; row < rows; ++row) {
    project_tile_64_to_256_tile_rows_1(panel, input + row * 64, output + row * 256);
  }
}

// output (rows, 256) = weights (256, 64) input (rows, 64). The weights lie in panels of 32 outputs, the last one as
// narrow as what is left allows.
inline void project_64_to_256_tile_rows_3(const float* weights, const float* input, float* output, int rows) {
  for (int panel = 0; panel < 8; ++panel) {
    project_panel_64_to_256_tile_rows_3(weights + static_cast<long>(panel) * 2048, input, output + panel * 32, rows);
  }
}

// 32 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_128_to_36_tile_rows_3(const float* panel, const float* input, float* output) {
  floats<8> sum[3][4] = {};
  for (int column = 0; column < 128; ++column) {
    floats<8> x[3];
    x[0] = broadcast<8>(input[column]);
    x[1] = broadcast<8>(input[column + 128]);
    x[2] = broadcast<8>(input[column + 256]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
      sum[1][0] = fused_multiply_add<8>(weight, x[1], sum[1][0]);
      sum[2][0] = fused_multiply_add<8>(weight, x[2], sum[2][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
      sum[1][1] = fused_multiply_add<8>(weight, x[1], sum[1][1]);
      sum[2][1] = fused_multiply_add<8>(weight, x[2], sum[2][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
      sum[1][2] = fused_multiply_add<8>(weight, x[1], sum[1][2]);
      sum[2][2] = fused_multiply_add<8>(weight, x[2], sum[2][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
      sum[1][3] = fused_multiply_add<8>(weight, x[1], sum[1][3]);
      sum[2][3] = fused_multiply_add<8>(weight, x[2], sum[2][3]);
    }
  }
  {
    float* to = output;
    store<8>(to, sum[0][0]);
    store<8>(to + 8, sum[0][1]);
    store<8>(to + 16, sum[0][2]);
    store<8>(to + 24, sum[0][3]);
  }
  {
    float* to = output + 48;
    store<8>(to, sum[1][0]);
    store<8>(to + 8, sum[1][1]);
    store<8>(to + 16, sum[1][2]);
    store<8>(to + 24, sum[1][3]);
  }
  {
    float* to = output + 96;
    store<8>(to, sum[2][0]);
    store<8>(to + 8, sum[2][1]);
    store<8>(to + 16, sum[2][2]);
    store<8>(to + 24, sum[2][3]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_128_to_36_tile_rows_3(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_128_to_36_tile_rows_3(panel, input + row * 128, output + row * 48);
  }
  for (; row < rows; ++row) {
    project_tile_128_to_36_tile_rows_1(panel, input + row * 128, output + row * 48);
  }
}

// 4 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_128_to_36_tile_rows_3_outputs_4(const float* panel, const float* input, float* output) {
  floats<8> sum[3][1] = {};
  for (int column = 0; column < 128; ++column) {
    floats<8> weight[1];
    weight[0] = load<8>(panel + column * 8);
    {
      const floats<8> x = broadcast<8>(input[column]);
      sum[0][0] = fused_multiply_add<8>(weight[0], x, sum[0][0]);
    }
    {
      const floats<8> x = broadcast<8>(input[column + 128]);
      sum[1][0] = fused_multiply_add<8>(weight[0], x, sum[1][0]);
    }
    {
      const floats<8> x = broadcast<8>(input[column + 256]);
      sum[2][0] = fused_multiply_add<8>(weight[0], x, sum[2][0]);
    }
  }
  {
    float* to = output;
    store_first<8, 4>(to, sum[0][0]);
  }
  {
    float* to = output + 48;
    store_first<8, 4>(to, sum[1][0]);
  }
  {
    float* to = output + 96;
    store_first<8, 4>(to, sum[2][0]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_128_to_36_tile_rows_3_outputs_4(const float* panel, const float* input, float* output,
                                                          int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_128_to_36_tile_rows_3_outputs_4(panel, input + row * 128, output + row * 48);
  }
  for (; row < rows; ++row) {
    project_tile_128_to_36_tile_rows_1_outputs_4(panel, input + row * 128, output + row * 48);
  }
}

// output (rows, 36) = weights (36, 128) input (rows, 128). The weights lie in panels of 32 outputs, the last one as
// narrow as what is left allows.
inline void project_128_to_36_tile_rows_3(const float* weights, const float* input, float* output, int rows) {
  project_panel_128_to_36_tile_rows_3(weights, input, output, rows);
  project_panel_128_to_36_tile_rows_3_outputs_4(weights + 4096, input, output + 32, rows);
}

// 32 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_4_to_128_tile_rows_3(const float* panel, const float* bias, const float* input,
                                              float* output) {
  floats<8> sum[3][4] = {};
  for (int column = 0; column < 4; ++column) {
    floats<8> x[3];
    x[0] = broadcast<8>(input[column]);
    x[1] = broadcast<8>(input[column + 48]);
    x[2] = broadcast<8>(input[column + 96]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
      sum[1][0] = fused_multiply_add<8>(weight, x[1], sum[1][0]);
      sum[2][0] = fused_multiply_add<8>(weight, x[2], sum[2][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
      sum[1][1] = fused_multiply_add<8>(weight, x[1], sum[1][1]);
      sum[2][1] = fused_multiply_add<8>(weight, x[2], sum[2][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
      sum[1][2] = fused_multiply_add<8>(weight, x[1], sum[1][2]);
      sum[2][2] = fused_multiply_add<8>(weight, x[2], sum[2][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
      sum[1][3] = fused_multiply_add<8>(weight, x[1], sum[1][3]);
      sum[2][3] = fused_multiply_add<8>(weight, x[2], sum[2][3]);
    }
  }
  {
    float* to = output;
    sum[0][0] += load<8>(bias);
    sum[0][1] += load<8>(bias + 8);
    sum[0][2] += load<8>(bias + 16);
    sum[0][3] += load<8>(bias + 24);
    store<8>(to, sum[0][0]);
    store<8>(to + 8, sum[0][1]);
    store<8>(to + 16, sum[0][2]);
    store<8>(to + 24, sum[0][3]);
  }
  {
    float* to = output + 128;
    sum[1][0] += load<8>(bias);
    sum[1][1] += load<8>(bias + 8);
    sum[1][2] += load<8>(bias + 16);
    sum[1][3] += load<8>(bias + 24);
    store<8>(to, sum[1][0]);
    store<8>(to + 8, sum[1][1]);
    store<8>(to + 16, sum[1][2]);
    store<8>(to + 24, sum[1][3]);
  }
  {
    float* to = output + 256;
    sum[2][0] += load<8>(bias);
    sum[2][1] += load<8>(bias + 8);
    sum[2][2] += load<8>(bias + 16);
    sum[2][3] += load<8>(bias + 24);
    store<8>(to, sum[2][0]);
    store<8>(to + 8, sum[2][1]);
    store<8>(to + 16, sum[2][2]);
    store<8>(to + 24, sum[2][3]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_4_to_128_tile_rows_3(const float* panel, const float* bias, const float* input, float* output,
                                               int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_4_to_128_tile_rows_3(panel, bias, input + row * 48, output + row * 128);
  }
  for (; row < rows; ++row) {
    project_tile_4_to_128_tile_rows_1(panel, bias, input + row * 48, output + row * 128);
  }
}

// output (rows, 128) = weights (128, 4) input (rows, 4), plus bias. The weights lie in panels of 32 outputs, the last
// one as narrow as what is left allows.
inline void project_4_to_128_tile_rows_3(const float* weights, const float* bias, const float* input, float* output,
                                         int rows) {
  for (int panel = 0; panel < 4; ++panel) {
    project_panel_4_to_128_tile_rows_3(weights + static_cast<long>(panel) * 128, bias + panel * 32, input,
                                       output + panel * 32, rows);
  }
}

// 32 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_128_to_64_tile_rows_3(const float* panel, const float* input, float* output) {
  floats<8> sum[3][4] = {};
  for (int column = 0; column < 128; ++column) {
    floats<8> x[3];
    x[0] = broadcast<8>(input[column]);
    x[1] = broadcast<8>(input[column + 128]);
    x[2] = broadcast<8>(input[column + 256]);
    {
      const floats<8> weight = load<8>(panel + column * 32);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
      sum[1][0] = fused_multiply_add<8>(weight, x[1], sum[1][0]);
      sum[2][0] = fused_multiply_add<8>(weight, x[2], sum[2][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
      sum[1][1] = fused_multiply_add<8>(weight, x[1], sum[1][1]);
      sum[2][1] = fused_multiply_add<8>(weight, x[2], sum[2][1]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 16);
      sum[0][2] = fused_multiply_add<8>(weight, x[0], sum[0][2]);
      sum[1][2] = fused_multiply_add<8>(weight, x[1], sum[1][2]);
      sum[2][2] = fused_multiply_add<8>(weight, x[2], sum[2][2]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 32 + 24);
      sum[0][3] = fused_multiply_add<8>(weight, x[0], sum[0][3]);
      sum[1][3] = fused_multiply_add<8>(weight, x[1], sum[1][3]);
      sum[2][3] = fused_multiply_add<8>(weight, x[2], sum[2][3]);
    }
  }
  {
    float* to = output;
    sum[0][0] += load<8>(to);
    sum[0][1] += load<8>(to + 8);
    sum[0][2] += load<8>(to + 16);
    sum[0][3] += load<8>(to + 24);
    store<8>(to, sum[0][0]);
    store<8>(to + 8, sum[0][1]);
    store<8>(to + 16, sum[0][2]);
    store<8>(to + 24, sum[0][3]);
  }
  {
    float* to = output + 64;
    sum[1][0] += load<8>(to);
    sum[1][1] += load<8>(to + 8);
    sum[1][2] += load<8>(to + 16);
    sum[1][3] += load<8>(to + 24);
    store<8>(to, sum[1][0]);
    store<8>(to + 8, sum[1][1]);
    store<8>(to + 16, sum[1][2]);
    store<8>(to + 24, sum[1][3]);
  }
  {
    float* to = output + 128;
    sum[2][0] += load<8>(to);
    sum[2][1] += load<8>(to + 8);
    sum[2][2] += load<8>(to + 16);
    sum[2][3] += load<8>(to + 24);
    store<8>(to, sum[2][0]);
    store<8>(to + 8, sum[2][1]);
    store<8>(to + 16, sum[2][2]);
    store<8>(to + 24, sum[2][3]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_128_to_64_tile_rows_3(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_128_to_64_tile_rows_3(panel, input + row * 128, output + row * 64);
  }
  for (; row < rows; ++row) {
    project_tile_128_to_64_tile_rows_1(panel, input + row * 128, output + row * 64);
  }
}

// output (rows, 64) = weights (64, 128) input (rows, 128), added to what output holds. The weights lie in panels of 32
// outputs, the last one as narrow as what is left allows.
inline void project_128_to_64_tile_rows_3(const float* weights, const float* input, float* output, int rows) {
  for (int panel = 0; panel < 2; ++panel) {
    project_panel_128_to_64_tile_rows_3(weights + static_cast<long>(panel) * 4096, input, output + panel * 32, rows);
  }
}

}  // namespace mamba1_tiny_runtime
