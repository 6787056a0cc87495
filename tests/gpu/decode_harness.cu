// Runs the decode kernel by itself: one shape and one plan, given on the command line of nvcc (-D...), random weights,
// against a computation in double precision that knows nothing of the packing. Prints errors, then times.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "runtime/cuda_types.h"
#include "templates/cuda/decode.cuh"

using mambac::round_up;
using mambac_runtime::bfloat16;

#ifndef WEIGHT
#define WEIGHT bfloat16
#endif
#ifndef PROJECTION_BIAS
#define PROJECTION_BIAS 0
#endif
#ifndef LAYER_NORM
#define LAYER_NORM 0
#endif
#ifndef NORMED_DELTA
#define NORMED_DELTA 0
#endif
#ifndef STATES
#define STATES 16
#endif
#ifndef TAPS
#define TAPS 4
#endif
#ifndef INPUT_SIZE
#define INPUT_SIZE 0
#endif
#ifndef HEAD
#define HEAD 1
#endif
#ifndef BLOCKS
#define BLOCKS 128
#endif
#ifndef DELAY
#define DELAY 700
#endif
#ifndef READ_ONCE
#define READ_ONCE 1
#endif

using Weight = WEIGHT;
constexpr int Layers = LAYERS, Size = SIZE, Inner = INNER, States = STATES, Rank = RANK, Taps = TAPS;
constexpr int InputSize = INPUT_SIZE, Outputs = OUTPUTS;
constexpr bool Head = HEAD, HeadBias = Head && InputSize > 0;
constexpr int Blocks = BLOCKS, Warps = WARPS, ChannelsPerWarp = CHANNELS_PER_WARP, RowParts = ROW_PARTS;
constexpr int RowsPerWarp = ROWS_PER_WARP;
constexpr int SizeSlab = SIZE_SLAB, InnerSlab = INNER_SLAB, Slots = SLOTS, SlotBytes = SLOT_BYTES;
constexpr int InFlight = IN_FLIGHT, Delay = DELAY;
constexpr bool ProjectionBias = PROJECTION_BIAS, LayerNorm = LAYER_NORM, NormedDelta = NORMED_DELTA;
constexpr float epsilon = 1e-5f;

constexpr int width = 16 / sizeof(Weight);
constexpr int Channels = Warps * ChannelsPerWarp, Rows = Warps / RowParts * RowsPerWarp;
constexpr int HeadRows = Channels;
constexpr int SizePadded = Blocks * Rows, InnerPadded = Blocks * Channels;
constexpr int Exchanged = Rank + 2 * States, RankPadded = round_up(Rank, 2);
constexpr int InputPadded = round_up(InputSize, width);
constexpr int StateChannels = round_up(Inner, 16);
constexpr long state_floats = long{Layers} * (Taps - 1 + States) * StateChannels;

#define CHECK(call)                                                                         \
  do {                                                                                      \
    const cudaError_t error = (call);                                                       \
    if (error != cudaSuccess) {                                                             \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error)); \
      std::exit(1);                                                                         \
    }                                                                                       \
  } while (0)

// The model's weights, by position.
enum Tensor {
  in_proj,
  in_bias,
  taps_of,
  conv_bias,
  x_proj,
  dt_proj,
  dt_bias,
  a_of,
  d_of,
  out_proj,
  out_bias,
  norm_scale,
  norm_bias,
  embedding,
  head,
  head_bias,
  input_proj,
  input_bias,
  input_of
};

__host__ __device__ float uniform(unsigned tensor, unsigned layer, unsigned row, unsigned column) {
  unsigned long long bits =
      (tensor * 1000ull + layer) * 0x9E3779B97F4A7C15ull + row * 0xD1B54A32D192ED03ull + column + 1;
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9ull;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EBull;
  bits ^= bits >> 31;
  return static_cast<float>(bits >> 40) * 0x1p-23f - 1.0f;
}

__host__ __device__ float rounded(float value) {
  if (sizeof(Weight) == 4) return value;
  unsigned bits;
  memcpy(&bits, &value, 4);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  memcpy(&value, &bits, 4);
  return value;
}

__host__ __device__ float weight(Tensor tensor, int layer, int row, int column) {
  const float u = uniform(tensor, layer, row, column);
  switch (tensor) {
    case in_proj:
    case head:
      return rounded(u / sqrtf(Size));
    case x_proj:
      return rounded(u / sqrtf(Inner));
    case dt_proj:
      return rounded(u / sqrtf(Rank));
    case out_proj:
      return rounded(u / sqrtf(Inner * Layers));
    case embedding:
      return rounded(0.02f * u);
    case input_proj:
      return rounded(u / sqrtf(InputSize + 1));
    case taps_of:
      return u / sqrtf(Taps);
    case dt_bias:
      return -4.5f + 2.3f * u;
    case a_of:
      return -(1.0f + column) * (1.0f + 0.1f * u);
    case d_of:
    case norm_scale:
      return 1.0f + 0.1f * u;
    case input_of:
      return u;
    default:
      return 0.3f * u;
  }
}

// ---- packing
// ----------------------------------------------------------------------------------------------------------
__host__ __device__ void store(unsigned char* to, float value, bool matrix) {
  if (matrix && sizeof(Weight) == 2) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    *reinterpret_cast<unsigned short*>(to) = static_cast<unsigned short>(bits >> 16);
  } else {
    *reinterpret_cast<float*>(to) = value;
  }
}

constexpr long size_matrix = long{Channels} * SizePadded * sizeof(Weight);
constexpr int octets = (Channels + width - 1) / width;
constexpr int panel_bytes = octets * Exchanged * 16;
constexpr int convolution_bytes = round_up(panel_bytes + (Taps + 1 + ProjectionBias) * Channels * 4, 16);
constexpr int delta_bytes = round_up(Channels * RankPadded * int{sizeof(Weight)}, 16);
constexpr int scan_bytes =
    round_up(delta_bytes + (States + 2 + ProjectionBias) * Channels * 4 + (ProjectionBias ? Rows * 4 : 0), 16);
constexpr long inner_matrix = long{Rows} * InnerPadded * sizeof(Weight);
constexpr long layer_bytes = 2 * size_matrix + convolution_bytes + scan_bytes + inner_matrix;
constexpr int input_bytes = InputSize > 0 ? round_up(Rows* InputPadded* int{sizeof(Weight)} + Rows * 4, 16) : 0;
constexpr int head_groups = Head ? (Outputs + HeadRows - 1) / HeadRows : 0;
constexpr long head_bytes = long{head_groups} * HeadRows * SizePadded * sizeof(Weight);
constexpr int norm_floats = (LayerNorm ? 2 : 1) * SizePadded;

constexpr long up(long value) { return (value + 1023) / 1024 * 1024; }
constexpr long InputOffset = 0;
constexpr long LayersOffset = up(InputOffset + long{Blocks} * input_bytes);
constexpr long NormsOffset = up(LayersOffset + Blocks * Layers * layer_bytes);
constexpr long HeadOffset = up(NormsOffset + (Layers + 1l) * norm_floats * 4);
constexpr long HeadBiasOffset = up(HeadOffset + head_bytes);
constexpr long weight_bytes = up(HeadBiasOffset + Outputs * 4);
constexpr Tensor table = InputSize > 0 ? head : embedding;  // tied

__global__ void pack_layers(unsigned char* weights) {
  const int block = blockIdx.x, layer = blockIdx.y;
  unsigned char* to = weights + LayersOffset + (block * long{Layers} + layer) * layer_bytes;
  const auto slabs = [&](int rows, int columns, int slab, auto value) {
    for (long i = threadIdx.x; i < long{rows} * columns; i += blockDim.x) {
      const long s = i / (long{rows} * slab);
      const int row = i / slab % rows, column = s * slab + i % slab;
      store(to + i * sizeof(Weight), value(row, column), true);
    }
    to += long{rows} * columns * sizeof(Weight);
  };
  const auto floats = [&](unsigned char* at, int rows, auto value) {
    for (int i = threadIdx.x; i < rows * Channels; i += blockDim.x) {
      const int channel = block * Channels + i % Channels;
      store(at + 4 * i, channel < Inner ? value(i / Channels, channel) : 0.0f, false);
    }
  };
  const auto in_rows = [&](int first) {
    slabs(Channels, SizePadded, SizeSlab, [&](int row, int column) {
      const int channel = block * Channels + row;
      return channel < Inner && column < Size ? weight(in_proj, layer, first + channel, column) : 0.0f;
    });
  };
  in_rows(0);
  for (int i = threadIdx.x; i < octets * Exchanged * width; i += blockDim.x) {
    const int in_block = i / (Exchanged * width) * width + i % width, channel = block * Channels + in_block;
    const bool real = in_block < Channels && channel < Inner;
    store(to + i * sizeof(Weight), real ? weight(x_proj, layer, i / width % Exchanged, channel) : 0.0f, true);
  }
  unsigned char* at = to + panel_bytes;
  floats(at, Taps, [&](int tap, int channel) { return weight(taps_of, layer, channel, tap); });
  floats(at + 4 * Taps * Channels, 1, [&](int, int channel) { return weight(conv_bias, layer, channel, 0); });
  if (ProjectionBias) {
    floats(at + 4 * (Taps + 1) * Channels, 1, [&](int, int channel) { return weight(in_bias, layer, channel, 0); });
  }
  to += convolution_bytes;
  in_rows(Inner);
  for (int i = threadIdx.x; i < Channels * RankPadded; i += blockDim.x) {
    const int channel = block * Channels + i / RankPadded, r = i % RankPadded;
    store(to + i * sizeof(Weight), channel < Inner && r < Rank ? weight(dt_proj, layer, channel, r) : 0.0f, true);
  }
  at = to + delta_bytes;
  for (int i = threadIdx.x; i < Channels * States; i += blockDim.x) {
    const int channel = block * Channels + i / States;
    store(at + 4 * i, channel < Inner ? weight(a_of, layer, channel, i % States) : 0.0f, false);
  }
  at += 4 * Channels * States;
  floats(at, 1, [&](int, int channel) { return weight(dt_bias, layer, channel, 0); });
  floats(at + 4 * Channels, 1, [&](int, int channel) { return weight(d_of, layer, channel, 0); });
  if (ProjectionBias) {
    floats(at + 8 * Channels, 1, [&](int, int channel) { return weight(in_bias, layer, Inner + channel, 0); });
    for (int i = threadIdx.x; i < Rows; i += blockDim.x) {
      const int row = block * Rows + i;
      store(at + 12 * Channels + 4 * i, row < Size ? weight(out_bias, layer, row, 0) : 0.0f, false);
    }
  }
  to += scan_bytes;
  slabs(Rows, InnerPadded, InnerSlab, [&](int row, int column) {
    const int r = block * Rows + row;
    return r < Size && column < Inner ? weight(out_proj, layer, r, column) : 0.0f;
  });
}

__global__ void pack_rest(unsigned char* weights) {
  const long thread = blockIdx.x * long{blockDim.x} + threadIdx.x, threads = gridDim.x * long{blockDim.x};
  for (long i = thread; i < (Layers + 1l) * SizePadded; i += threads) {
    const int layer = i / SizePadded, column = i % SizePadded;
    unsigned char* to = weights + NormsOffset + (long{layer} * norm_floats + column) * 4;
    store(to, column < Size ? weight(norm_scale, layer, column, 0) : 0.0f, false);
    if (LayerNorm) store(to + 4 * SizePadded, column < Size ? weight(norm_bias, layer, column, 0) : 0.0f, false);
  }
  if (Head) {
    for (long i = thread; i < long{head_groups} * HeadRows * SizePadded; i += threads) {
      const long group = i / (long{HeadRows} * SizePadded);
      const int in_group = i % (long{HeadRows} * SizePadded);
      const int row = group * HeadRows + in_group / SizeSlab % HeadRows;
      const int column = in_group / (HeadRows * SizeSlab) * SizeSlab + in_group % SizeSlab;
      store(weights + HeadOffset + i * sizeof(Weight),
            row < Outputs && column < Size ? weight(table, 0, row, column) : 0.0f, true);
    }
    for (long i = thread; i < Outputs; i += threads) {
      store(weights + HeadBiasOffset + i * 4, weight(head_bias, 0, i, 0), false);
    }
  }
  for (long i = thread; InputSize > 0 && i < long{Blocks} * Rows * (InputPadded + 1); i += threads) {
    const int block = i / (Rows * (InputPadded + 1)), j = i % (Rows * (InputPadded + 1));
    unsigned char* to = weights + InputOffset + long{block} * input_bytes;
    if (j < Rows * InputPadded) {
      const int row = block * Rows + j / (InputPadded + !InputPadded), column = j % (InputPadded + !InputPadded);
      store(to + j * sizeof(Weight), row < Size && column < InputSize ? weight(input_proj, 0, row, column) : 0, true);
    } else {
      const int r = j - Rows * InputPadded, row = block * Rows + r;
      store(to + Rows * InputPadded * sizeof(Weight) + 4 * r, row < Size ? weight(input_bias, 0, row, 0) : 0, false);
    }
  }
}

// ---- the truth
// --------------------------------------------------------------------------------------------------------
__global__ void product(Tensor tensor, Tensor bias, bool has_bias, int layer, int rows, int columns, const double* x,
                        double* y, bool add) {
  const int row = blockIdx.x;
  double sum = 0;
  for (int column = threadIdx.x; column < columns; column += 128) {
    sum += static_cast<double>(weight(tensor, layer, row, column)) * x[column];
  }
  __shared__ double sums[128];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    double total = has_bias ? weight(bias, layer, row, 0) : 0;
    for (double part : sums) total += part;
    y[row] = add ? y[row] + total : total;
  }
}

__global__ void normalize_all(int layer, const double* x, double* y, int size, bool weighted, double eps) {
  __shared__ double mean, scale;
  if (threadIdx.x == 0) {
    mean = 0;
    if (LayerNorm && weighted) {
      for (int i = 0; i < size; ++i) mean += x[i] / size;
    }
    double squares = 0;
    for (int i = 0; i < size; ++i) squares += (x[i] - mean) * (x[i] - mean);
    scale = 1 / sqrt(squares / size + eps);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < size; i += blockDim.x) {
    double value = (x[i] - mean) * scale;
    if (weighted) value = value * weight(norm_scale, layer, i, 0) + (LayerNorm ? weight(norm_bias, layer, i, 0) : 0);
    y[i] = value;
  }
}

__global__ void start(int token, int step, double* residual, double* in) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (InputSize == 0 && i < Size) residual[i] = weight(embedding, 0, token, i);
  if (InputSize > 0 && i < InputSize) in[i] = weight(input_of, 0, step, i);
}

__global__ void convolve(int layer, double* window, const double* xz, double* x) {
  const int e = blockIdx.x * blockDim.x + threadIdx.x;
  if (e >= Inner) return;
  double sum = weight(conv_bias, layer, e, 0);
  for (int k = 0; k < Taps; ++k) {
    const double value = k < Taps - 1 ? window[k * StateChannels + e] : xz[e];
    sum += value * weight(taps_of, layer, e, k);
    if (k > 0) window[(k - 1) * StateChannels + e] = value;
  }
  x[e] = sum / (1 + exp(-sum));
}

__global__ void scan(int layer, double* h, const double* delta_in, const double* x, const double* xz, const double* b,
                     const double* c, double* y) {
  const int e = blockIdx.x * blockDim.x + threadIdx.x;
  if (e >= Inner) return;
  const double delta = log1p(exp(delta_in[e]));
  double sum = weight(d_of, layer, e, 0) * x[e];
  for (int n = 0; n < States; ++n) {
    double& value = h[n * StateChannels + e];
    value = exp(delta * weight(a_of, layer, e, n)) * value + delta * x[e] * b[n];
    sum += value * c[n];
  }
  const double z = xz[Inner + e];
  y[e] = sum * z / (1 + exp(-z));
}

struct Truth {
  double *residual, *normed, *xz, *x, *dbc, *delta, *y, *state, *logits, *in;
  Truth() {
    const auto allocate = [](double*& pointer, long count) { CHECK(cudaMalloc(&pointer, count * 8)); };
    allocate(residual, Size), allocate(normed, Size), allocate(xz, 2 * Inner), allocate(x, Inner);
    allocate(dbc, Exchanged), allocate(delta, Inner), allocate(y, Inner), allocate(state, state_floats);
    allocate(logits, Outputs), allocate(in, InputSize + 1);
  }
  void step(int token, int index) {
    start<<<(std::max(Size, InputSize) + 127) / 128, 128>>>(token, index, residual, in);
    if (InputSize > 0) product<<<Size, 128>>>(input_proj, input_bias, true, 0, Size, InputSize, in, residual, false);
    for (int layer = 0; layer < Layers; ++layer) {
      double* window = state + layer * long{(Taps - 1 + States) * StateChannels};
      double* h = window + (Taps - 1) * StateChannels;
      normalize_all<<<1, 256>>>(layer, residual, normed, Size, true, epsilon);
      product<<<2 * Inner, 128>>>(in_proj, in_bias, ProjectionBias, layer, 2 * Inner, Size, normed, xz, false);
      convolve<<<(Inner + 127) / 128, 128>>>(layer, window, xz, x);
      product<<<Exchanged, 128>>>(x_proj, in_bias, false, layer, Exchanged, Inner, x, dbc, false);
      if (NormedDelta) {
        normalize_all<<<1, 256>>>(0, dbc, dbc, Rank, false, epsilon);
        normalize_all<<<1, 256>>>(0, dbc + Rank, dbc + Rank, States, false, epsilon);
        normalize_all<<<1, 256>>>(0, dbc + Rank + States, dbc + Rank + States, States, false, epsilon);
      }
      product<<<Inner, 128>>>(dt_proj, dt_bias, true, layer, Inner, Rank, dbc, delta, false);
      scan<<<(Inner + 127) / 128, 128>>>(layer, h, delta, x, xz, dbc + Rank, dbc + Rank + States, y);
      product<<<Size, 128>>>(out_proj, out_bias, ProjectionBias, layer, Size, Inner, y, residual, true);
    }
    normalize_all<<<1, 256>>>(Layers, residual, normed, Size, true, epsilon);
    if (Head) product<<<Outputs, 128>>>(table, head_bias, HeadBias, 0, Outputs, Size, normed, logits, false);
    CHECK(cudaGetLastError());
  }
};

__global__ void fill_state(float* state, double* exact) {
  for (long i = blockIdx.x * long{blockDim.x} + threadIdx.x; i < state_floats; i += gridDim.x * long{blockDim.x}) {
    const bool real = i % StateChannels < Inner;
    state[i] = real ? 0.2f * uniform(50, 0, i / StateChannels, i % StateChannels) : 0.0f;
    if (exact != nullptr) exact[i] = state[i];
  }
}

__global__ void fill_input(float* input, int* tokens, int count) {
  for (int i = threadIdx.x; i < count; i += blockDim.x) tokens[i] = (i * 7919u + 13) % Outputs;
  for (int i = threadIdx.x; i < count * InputSize; i += blockDim.x) {
    input[i] = weight(input_of, 0, i / (InputSize + !InputSize), i % (InputSize + !InputSize));
  }
}

double relative_error(const float* actual, const double* exact, long count) {
  std::vector<float> a(count);
  std::vector<double> e(count);
  CHECK(cudaMemcpy(a.data(), actual, count * 4, cudaMemcpyDefault));
  CHECK(cudaMemcpy(e.data(), exact, count * 8, cudaMemcpyDefault));
  double difference = 0, size = 0;
  for (long i = 0; i < count; ++i) {
    difference += (a[i] - e[i]) * (a[i] - e[i]);
    size += e[i] * e[i];
  }
  return std::sqrt(difference / size);
}

constexpr auto kernel =
    mambac::decode<Weight, Blocks, Warps, ChannelsPerWarp, RowParts, RowsPerWarp, SizeSlab, InnerSlab, Slots, SlotBytes,
                   InFlight, Delay, READ_ONCE, Layers, Size, Inner, States, Rank, Taps, InputSize, Outputs, Outputs,
                   Head, HeadBias, LayerNorm, ProjectionBias, NormedDelta, InputOffset, LayersOffset, NormsOffset,
                   HeadOffset, HeadOffset, HeadBiasOffset>;

int main(int, char** arguments) {
  constexpr int widest = std::max({SizePadded, InnerPadded, InputPadded});
  constexpr int shared_bytes = Slots * SlotBytes +
                               4 * (round_up(widest, 256) + octets * width + round_up(RankPadded + 2 * States, 4) +
                                    round_up(2 * Warps, 4) + round_up(std::max(Rows * RowParts, Channels), 4)) +
                               16 * Slots;
  constexpr long exchange_bytes = round_up(8 + 8 * Exchanged, 1024) + (Exchanged + 3) / 4 * 1024 +
                                  Blocks * 16l * ((Channels + 2) / 3 + (Rows + 2) / 3);
#ifdef SHARED
  static_assert(shared_bytes == SHARED && exchange_bytes == EXCHANGE, "the generator counts otherwise");
#endif
  constexpr int most_tokens = 64;
  unsigned char *weights, *exchange;
  float *state, *input, *output;
  int* tokens;
  CHECK(cudaMalloc(&weights, weight_bytes));
  CHECK(cudaMalloc(&exchange, exchange_bytes));
  CHECK(cudaMalloc(&state, state_floats * 4));
  CHECK(cudaMalloc(&input, most_tokens * (InputSize + 1) * 4));
  CHECK(cudaMalloc(&tokens, most_tokens * 4));
  CHECK(cudaMalloc(&output, long{most_tokens} * Outputs * 4));
  CHECK(cudaMemset(weights, 0xff, weight_bytes));
  CHECK(cudaMemset(exchange, 0, exchange_bytes));
  pack_layers<<<dim3(Blocks, Layers), 256>>>(weights);
  pack_rest<<<1024, 256>>>(weights);
  fill_input<<<1, 256>>>(input, tokens, most_tokens);
  CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  CHECK(cudaDeviceSynchronize());

  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  const auto run = [&](int first, int count) {
    const unsigned char* w = weights;
    const int* t = tokens + first;
    const float* in = input + first * InputSize;
    float* out = output + long{first} * Outputs;
    const int* stopped = nullptr;
    float eps = epsilon, delta_eps = epsilon;
    void* parameters[] = {&w, &state, &exchange, &t, &in, &out, &count, &stopped, &eps, &delta_eps};
    CHECK(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), dim3(Blocks), dim3(Warps * 32 + 32),
                                      parameters, shared_bytes, stream));
  };

  constexpr int checked = 3;
  Truth truth;
  fill_state<<<256, 256>>>(state, truth.state);
  CHECK(cudaMemset(output, 0xff, long{most_tokens} * Outputs * 4));
  CHECK(cudaDeviceSynchronize());
  double worst = 0;
  for (int token = 0; token < checked; ++token) {
    run(token, 1);
    CHECK(cudaStreamSynchronize(stream));
    truth.step((token * 7919u + 13) % Outputs, token);
    CHECK(cudaDeviceSynchronize());
    const double error = relative_error(output + long{token} * Outputs, Head ? truth.logits : truth.normed, Outputs);
    worst = error <= worst ? worst : error;
  }
  const double state_error = relative_error(state, truth.state, state_floats);
  std::vector<float> separate(long{checked} * Outputs), together(long{checked} * Outputs);
  std::vector<float> state_separate(state_floats), state_together(state_floats);
  CHECK(cudaMemcpy(separate.data(), output, separate.size() * 4, cudaMemcpyDefault));
  CHECK(cudaMemcpy(state_separate.data(), state, state_floats * 4, cudaMemcpyDefault));
  fill_state<<<256, 256>>>(state, nullptr);
  CHECK(cudaMemset(output, 0xff, long{most_tokens} * Outputs * 4));
  CHECK(cudaDeviceSynchronize());
  run(0, checked);
  CHECK(cudaStreamSynchronize(stream));
  CHECK(cudaMemcpy(together.data(), output, together.size() * 4, cudaMemcpyDefault));
  CHECK(cudaMemcpy(state_together.data(), state, state_floats * 4, cudaMemcpyDefault));
  const bool same = std::memcmp(separate.data(), together.data(), separate.size() * 4) == 0 &&
                    std::memcmp(state_separate.data(), state_together.data(), state_floats * 4) == 0;

  // A NaN in the state comes out as NaN, and leaves the exchange memory usable.
  const float nan = NAN;
  CHECK(cudaMemcpy(state + (Taps - 1) * StateChannels, &nan, 4, cudaMemcpyDefault));
  run(0, 1);
  CHECK(cudaStreamSynchronize(stream));
  float first_output;
  CHECK(cudaMemcpy(&first_output, output, 4, cudaMemcpyDefault));
  fill_state<<<256, 256>>>(state, nullptr);
  CHECK(cudaDeviceSynchronize());
  run(0, checked);
  CHECK(cudaStreamSynchronize(stream));
  CHECK(cudaMemcpy(together.data(), output, together.size() * 4, cudaMemcpyDefault));
  const bool recovers = std::memcmp(separate.data(), together.data(), separate.size() * 4) == 0;

  cudaEvent_t begin, end;
  CHECK(cudaEventCreate(&begin));
  CHECK(cudaEventCreate(&end));
  const auto time_of = [&](int rounds, auto call) {
    std::vector<float> times;
    for (int round = 0; round < rounds; ++round) {
      CHECK(cudaEventRecord(begin, stream));
      call();
      CHECK(cudaEventRecord(end, stream));
      CHECK(cudaStreamSynchronize(stream));
      float milliseconds;
      CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
      times.push_back(1000 * milliseconds);
    }
    std::sort(times.begin(), times.end());
    return times[rounds / 2];
  };
  run(0, most_tokens);
  const float many = time_of(9, [&] { run(0, most_tokens); }) / most_tokens;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int token = 0; token < most_tokens; ++token) run(token, 1);
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  CHECK(cudaGraphLaunch(executable, stream));
  const float launches = time_of(9, [&] { CHECK(cudaGraphLaunch(executable, stream)); }) / most_tokens;
  const double bytes = Blocks * Layers * double{layer_bytes} + double{head_bytes};
  std::printf(
      "%-28s out %.1e state %.1e same %d nan %d recovers %d | in one launch %.1f us, graph %.1f us, %.2f TB/s, floor "
      "%.1f\n",
      arguments[0], worst, state_error, same, first_output != first_output, recovers, many, launches,
      bytes / many * 1e-6, bytes / 4.4e6);
  return 0;
}
