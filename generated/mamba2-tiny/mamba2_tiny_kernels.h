// mamba2_tiny: the kernels, specialized for this model's shapes from the templates of mambac.
// Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
#pragma once

#include "runtime/mathematics.h"
#include "runtime/reduce.h"
#include "runtime/vector.h"

namespace mamba2_tiny_runtime {

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
inline void project_tile_64_to_336_tile_rows_1(const float* panel, const float* input, float* output) {
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
inline void project_panel_64_to_336_tile_rows_1(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_64_to_336_tile_rows_1(panel, input + row * 64, output + row * 336);
  }
}

// 16 outputs of one panel for one row, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. A panel of f32 is [input][output]; of
// bfloat16 [pair of inputs][output], the even input in a word's lower half.
inline void project_tile_64_to_336_tile_rows_1_outputs_16(const float* panel, const float* input, float* output) {
  floats<8> sum[1][2] = {};
  for (int column = 0; column < 64; ++column) {
    floats<8> x[1];
    x[0] = broadcast<8>(input[column]);
    {
      const floats<8> weight = load<8>(panel + column * 16);
      sum[0][0] = fused_multiply_add<8>(weight, x[0], sum[0][0]);
    }
    {
      const floats<8> weight = load<8>(panel + column * 16 + 8);
      sum[0][1] = fused_multiply_add<8>(weight, x[0], sum[0][1]);
    }
  }
  float* to = output;
  store<8>(to, sum[0][0]);
  store<8>(to + 8, sum[0][1]);
}

// All rows of one panel.
inline void project_panel_64_to_336_tile_rows_1_outputs_16(const float* panel, const float* input, float* output,
                                                           int rows) {
  int row = 0;
  for (; row < rows; ++row) {
    project_tile_64_to_336_tile_rows_1_outputs_16(panel, input + row * 64, output + row * 336);
  }
}

// output (rows, 336) = weights (336, 64) input (rows, 64). The weights lie in panels of 32 outputs, the last one as
// narrow as what is left allows.
inline void project_64_to_336_tile_rows_1(const float* weights, const float* input, float* output, int rows) {
  for (int panel = 0; panel < 10; ++panel) {
    project_panel_64_to_336_tile_rows_1(weights + static_cast<long>(panel) * 2048, input, output + panel * 32, rows);
  }
  project_panel_64_to_336_tile_rows_1_outputs_16(weights + 20480, input, output + 320, rows);
}

// output = silu(bias + sum over k of taps[k] x[t - 3 + k]) for `tokens` tokens of `sequences` sequences. taps (4, 192);
// window (3, 192) of a sequence holds the inputs before its first token, oldest first, and is left holding the last
// ones. Input and output have sequences * tokens rows.
inline void convolve_192x4(const float* taps, const float* bias, float* window, const float* input, float* output,
                           int sequences, int tokens) {
  for (int block = 0; block < 24; ++block) {
    const int channel = block * 8;
    for (long sequence = 0; sequence < sequences; ++sequence) {
      floats<8> x[4];
      x[0] = load<8>(window + sequence * 9344 + channel);
      x[1] = load<8>(window + sequence * 9344 + 192 + channel);
      x[2] = load<8>(window + sequence * 9344 + 384 + channel);
      for (int token = 0; token < tokens; ++token) {
        const long row = sequence * tokens + token;
        x[3] = load<8>(input + row * 336 + channel);
        floats<8> sum = load<8>(bias + channel);
        sum = fused_multiply_add<8>(load<8>(taps + channel), x[0], sum);
        sum = fused_multiply_add<8>(load<8>(taps + 192 + channel), x[1], sum);
        sum = fused_multiply_add<8>(load<8>(taps + 384 + channel), x[2], sum);
        sum = fused_multiply_add<8>(load<8>(taps + 576 + channel), x[3], sum);
        store<8>(output + row * 192 + channel, silu<8>(sum));
        x[0] = x[1];
        x[1] = x[2];
        x[2] = x[3];
      }
      store<8>(window + sequence * 9344 + channel, x[0]);
      store<8>(window + sequence * 9344 + 192 + channel, x[1]);
      store<8>(window + sequence * 9344 + 384 + channel, x[2]);
    }
  }
}

// For each of 4 heads: delta = softplus(dt + dt_bias), at least `least` and at most `most`; decay = exp(delta a). Rows
// are padded to whole vectors.
inline void discretize(const float* a, const float* dt_bias, float least, float most, const float* dt, float* delta,
                       float* decay, int rows) {
  const int end = rows;
  for (int row = 0; row < end; ++row) {
    const floats<8> input = load<8>(dt + row * 336) + load<8>(dt_bias);
    const floats<8> step = at_most<8>(at_least<8>(softplus<8>(input), least), most);
    store<8>(delta + row * 16, step);
    store<8>(decay + row * 16, exponential<8>(step * load<8>(a)));
  }
}

// 4 tokens of one vector of a head's channels, 8 lanes of which are channels. h is (32, ...) with rows of 32. A state
// stays in a register for all of the tokens; every sum runs over the states in order, so that it has the same bits
// however the tokens are cut.
inline void head_scan_tile_32(const float* d, float* h, const float* x, const float* b, const float* c,
                              const float* delta, const float* decay, float* output) {
  floats<8> drive[4][1], sum[4][1];
  {
    const floats<8> input = load_first<8, 8>(x);
    drive[0][0] = input * delta[0];
    sum[0][0] = input * broadcast<8>(d[0]);
  }
  {
    const floats<8> input = load_first<8, 8>(x + 192);
    drive[1][0] = input * delta[16];
    sum[1][0] = input * broadcast<8>(d[0]);
  }
  {
    const floats<8> input = load_first<8, 8>(x + 384);
    drive[2][0] = input * delta[32];
    sum[2][0] = input * broadcast<8>(d[0]);
  }
  {
    const floats<8> input = load_first<8, 8>(x + 576);
    drive[3][0] = input * delta[48];
    sum[3][0] = input * broadcast<8>(d[0]);
  }
  for (int n = 0; n < 32; ++n) {
    floats<8> state = load<8>(h + n * 32);
    state = fused_multiply_add<8>(broadcast<8>(decay[0]), state, drive[0][0] * b[n]);
    sum[0][0] = fused_multiply_add<8>(state, broadcast<8>(c[n]), sum[0][0]);
    state = fused_multiply_add<8>(broadcast<8>(decay[16]), state, drive[1][0] * b[n + 192]);
    sum[1][0] = fused_multiply_add<8>(state, broadcast<8>(c[n + 192]), sum[1][0]);
    state = fused_multiply_add<8>(broadcast<8>(decay[32]), state, drive[2][0] * b[n + 384]);
    sum[2][0] = fused_multiply_add<8>(state, broadcast<8>(c[n + 384]), sum[2][0]);
    state = fused_multiply_add<8>(broadcast<8>(decay[48]), state, drive[3][0] * b[n + 576]);
    sum[3][0] = fused_multiply_add<8>(state, broadcast<8>(c[n + 576]), sum[3][0]);
    store<8>(h + n * 32, state);
  }
  store_first<8, 8>(output, sum[0][0]);
  store_first<8, 8>(output + 128, sum[1][0]);
  store_first<8, 8>(output + 256, sum[2][0]);
  store_first<8, 8>(output + 384, sum[3][0]);
}

// One token of 4 vectors of a head's channels, 8 lanes of which are channels. h is (32, ...) with rows of 32. A state
// stays in a register for all of the tokens; every sum runs over the states in order, so that it has the same bits
// however the tokens are cut.
inline void head_scan_tile_32_vectors_4_tokens_1(const float* d, float* h, const float* x, const float* b,
                                                 const float* c, const float* delta, const float* decay,
                                                 float* output) {
  floats<8> drive[1][4], sum[1][4];
  {
    const floats<8> input = load_first<8, 8>(x);
    drive[0][0] = input * delta[0];
    sum[0][0] = input * broadcast<8>(d[0]);
  }
  {
    const floats<8> input = load_first<8, 8>(x + 8);
    drive[0][1] = input * delta[0];
    sum[0][1] = input * broadcast<8>(d[0]);
  }
  {
    const floats<8> input = load_first<8, 8>(x + 16);
    drive[0][2] = input * delta[0];
    sum[0][2] = input * broadcast<8>(d[0]);
  }
  {
    const floats<8> input = load_first<8, 8>(x + 24);
    drive[0][3] = input * delta[0];
    sum[0][3] = input * broadcast<8>(d[0]);
  }
  for (int n = 0; n < 32; ++n) {
    {
      floats<8> state = load<8>(h + n * 32);
      state = fused_multiply_add<8>(broadcast<8>(decay[0]), state, drive[0][0] * b[n]);
      sum[0][0] = fused_multiply_add<8>(state, broadcast<8>(c[n]), sum[0][0]);
      store<8>(h + n * 32, state);
    }
    {
      floats<8> state = load<8>(h + n * 32 + 8);
      state = fused_multiply_add<8>(broadcast<8>(decay[0]), state, drive[0][1] * b[n]);
      sum[0][1] = fused_multiply_add<8>(state, broadcast<8>(c[n]), sum[0][1]);
      store<8>(h + n * 32 + 8, state);
    }
    {
      floats<8> state = load<8>(h + n * 32 + 16);
      state = fused_multiply_add<8>(broadcast<8>(decay[0]), state, drive[0][2] * b[n]);
      sum[0][2] = fused_multiply_add<8>(state, broadcast<8>(c[n]), sum[0][2]);
      store<8>(h + n * 32 + 16, state);
    }
    {
      floats<8> state = load<8>(h + n * 32 + 24);
      state = fused_multiply_add<8>(broadcast<8>(decay[0]), state, drive[0][3] * b[n]);
      sum[0][3] = fused_multiply_add<8>(state, broadcast<8>(c[n]), sum[0][3]);
      store<8>(h + n * 32 + 24, state);
    }
  }
  store_first<8, 8>(output, sum[0][0]);
  store_first<8, 8>(output + 8, sum[0][1]);
  store_first<8, 8>(output + 16, sum[0][2]);
  store_first<8, 8>(output + 24, sum[0][3]);
}

// 4 vectors of one head for all tokens of a sequence: four tokens at a time, the rest one by one.
inline void head_scan_channels_32(const float* d, float* h, const float* x, const float* b, const float* c,
                                  const float* delta, const float* decay, float* output, int tokens) {
  int token = 0;
  for (; token + 4 <= tokens; token += 4) {
    head_scan_tile_32(d, h, x + token * 192, b + token * 192, c + token * 192, delta + token * 16, decay + token * 16,
                      output + token * 128);
    head_scan_tile_32(d, h + 8, x + token * 192 + 8, b + token * 192, c + token * 192, delta + token * 16,
                      decay + token * 16, output + token * 128 + 8);
    head_scan_tile_32(d, h + 16, x + token * 192 + 16, b + token * 192, c + token * 192, delta + token * 16,
                      decay + token * 16, output + token * 128 + 16);
    head_scan_tile_32(d, h + 24, x + token * 192 + 24, b + token * 192, c + token * 192, delta + token * 16,
                      decay + token * 16, output + token * 128 + 24);
  }
  for (; token < tokens; ++token) {
    head_scan_tile_32_vectors_4_tokens_1(d, h, x + token * 192, b + token * 192, c + token * 192, delta + token * 16,
                                         decay + token * 16, output + token * 128);
  }
}

// For every head, token and channel p of 32, with the head's delta and decay and its group's B and C:
//   h[n][p] = decay h[n][p] + delta x[p] B[n];   output[p] = sum over n of h[n][p] C[n] + d x[p]
// h is (4, 32, 32 padded to 16) for each sequence; x and output have sequences * tokens rows of 4 * 32, b and c rows of
// 1 * 32, delta and decay rows of 4.
inline void head_scan_32(const float* d, float* h, const float* x, const float* b, const float* c, const float* delta,
                         const float* decay, float* output, int sequences, int tokens) {
  for (long sequence = 0; sequence < sequences; ++sequence) {
    const long row = sequence * tokens;
    for (int head = 0; head < 4; ++head) {
      const float* head_d = d + head;
      float* state = h + sequence * 9344 + head * 1024;
      const float* head_x = x + row * 192 + head * 32;
      const float* head_b = b + row * 192 + head / 4 * 32;
      const float* head_c = c + row * 192 + head / 4 * 32;
      const float* head_delta = delta + row * 16 + head;
      const float* head_decay = decay + row * 16 + head;
      float* head_output = output + row * 128 + head * 32;
      head_scan_channels_32(head_d, state, head_x, head_b, head_c, head_delta, head_decay, head_output, tokens);
    }
  }
}

// Input and gate_input (rows, 128) are padded to whole vectors; output is not written beyond 128.
inline void gate_128(const float* input, const float* gate_input, float* output, int rows) {
  const int end = rows;
  for (int row = 0; row < end; ++row) {
    const float* from = input + row * 128;
    const float* by = gate_input + row * 336;
    float* to = output + row * 128;
    for (int index = 0; index < 128; index += 8) {
      store<8>(to + index, load<8>(from + index) * silu<8>(load<8>(by + index)));
    }
  }
}

// For the 128 channels:
//   v = input silu(gate);   output = v / sqrt(mean(v^2) + epsilon) weight
// Input and gate are padded to whole vectors; output is not written beyond 128. Output is another buffer than input.
inline void gated_rms_norm_128(const float* weight, const float* input, const float* gate_input, float epsilon,
                               float* output, int rows) {
  const int end = rows;
  for (int row = 0; row < end; ++row) {
    const float* from = input + row * 128;
    float* to = output + row * 128;
    gate_128(from, gate_input + row * 336, to, 1);
    const float squares = sum_of_squares<128>(to);
    const float scale = 1.0f / __builtin_sqrtf(squares / 128 + epsilon);
    for (int index = 0; index < 128; ++index) to[index] = to[index] * scale * weight[index];
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

// 32 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_64_to_336_tile_rows_3(const float* panel, const float* input, float* output) {
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
    float* to = output + 336;
    store<8>(to, sum[1][0]);
    store<8>(to + 8, sum[1][1]);
    store<8>(to + 16, sum[1][2]);
    store<8>(to + 24, sum[1][3]);
  }
  {
    float* to = output + 672;
    store<8>(to, sum[2][0]);
    store<8>(to + 8, sum[2][1]);
    store<8>(to + 16, sum[2][2]);
    store<8>(to + 24, sum[2][3]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_64_to_336_tile_rows_3(const float* panel, const float* input, float* output, int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_64_to_336_tile_rows_3(panel, input + row * 64, output + row * 336);
  }
  for (; row < rows; ++row) {
    project_tile_64_to_336_tile_rows_1(panel, input + row * 64, output + row * 336);
  }
}

// 16 outputs of one panel for 3 rows, held in registers. An output's sum runs over the inputs in order whatever the
// number of rows, so that it has the same bits in `step` and in `forward`. Of the inputs and the weights, those that
// are fewer are loaded first and stay in registers too. A panel of f32 is [input][output]; of bfloat16 [pair of
// inputs][output], the even input in a word's lower half.
inline void project_tile_64_to_336_tile_rows_3_outputs_16(const float* panel, const float* input, float* output) {
  floats<8> sum[3][2] = {};
  for (int column = 0; column < 64; ++column) {
    floats<8> weight[2];
    weight[0] = load<8>(panel + column * 16);
    weight[1] = load<8>(panel + column * 16 + 8);
    {
      const floats<8> x = broadcast<8>(input[column]);
      sum[0][0] = fused_multiply_add<8>(weight[0], x, sum[0][0]);
      sum[0][1] = fused_multiply_add<8>(weight[1], x, sum[0][1]);
    }
    {
      const floats<8> x = broadcast<8>(input[column + 64]);
      sum[1][0] = fused_multiply_add<8>(weight[0], x, sum[1][0]);
      sum[1][1] = fused_multiply_add<8>(weight[1], x, sum[1][1]);
    }
    {
      const floats<8> x = broadcast<8>(input[column + 128]);
      sum[2][0] = fused_multiply_add<8>(weight[0], x, sum[2][0]);
      sum[2][1] = fused_multiply_add<8>(weight[1], x, sum[2][1]);
    }
  }
  {
    float* to = output;
    store<8>(to, sum[0][0]);
    store<8>(to + 8, sum[0][1]);
  }
  {
    float* to = output + 336;
    store<8>(to, sum[1][0]);
    store<8>(to + 8, sum[1][1]);
  }
  {
    float* to = output + 672;
    store<8>(to, sum[2][0]);
    store<8>(to + 8, sum[2][1]);
  }
}

// All rows of one panel: 3 at a time, the rest one by one.
inline void project_panel_64_to_336_tile_rows_3_outputs_16(const float* panel, const float* input, float* output,
                                                           int rows) {
  int row = 0;
  for (; row + 3 <= rows; row += 3) {
    project_tile_64_to_336_tile_rows_3_outputs_16(panel, input + row * 64, output + row * 336);
  }
  for (; row < rows; ++row) {
    project_tile_64_to_336_tile_rows_1_outputs_16(panel, input + row * 64, output + row * 336);
  }
}

// output (rows, 336) = weights (336, 64) input (rows, 64). The weights lie in panels of 32 outputs, the last one as
// narrow as what is left allows.
inline void project_64_to_336_tile_rows_3(const float* weights, const float* input, float* output, int rows) {
  for (int panel = 0; panel < 10; ++panel) {
    project_panel_64_to_336_tile_rows_3(weights + static_cast<long>(panel) * 2048, input, output + panel * 32, rows);
  }
  project_panel_64_to_336_tile_rows_3_outputs_16(weights + 20480, input, output + 320, rows);
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

}  // namespace mamba2_tiny_runtime
