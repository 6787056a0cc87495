// The forward kernels for the tensor cores as a whole model: checked against double precision on small shapes, timed on
// the published ones. Weights are made up; every layer has its own.
//
//   nvcc -std=c++20 -O3 -gencode arch=compute_90a,code=sm_90a -I. tests/gpu/forward_harness.cu -o forward_harness
//     -DFORWARD_CASES='"tests/gpu/forward_checks.inc"'   (or forward_times.inc)
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "templates/cuda/convolve_tiles.cuh"
#include "templates/cuda/norm_tiles.cuh"
#include "templates/cuda/project_tiles.cuh"
#include "templates/cuda/scan_tiles.cuh"
#include "templates/cuda/sum_parts.cuh"

using namespace mambac;

#define CHECK(call)                                                               \
  do {                                                                            \
    const cudaError_t error = (call);                                             \
    if (error != cudaSuccess) {                                                   \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, cudaGetErrorString(error)); \
      std::exit(1);                                                               \
    }                                                                             \
  } while (false)

namespace {

constexpr int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
constexpr int ceiling(int value, int divisor) { return (value + divisor - 1) / divisor; }

// ---- Weights that host and device agree on -------------------------------------------------------------------------

__host__ __device__ inline float uniform(uint32_t tensor, uint32_t index) {
  uint32_t x = index * 0x9e3779b9u ^ tensor * 0x85ebca6bu;
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  x ^= x >> 16;
  return static_cast<float>(static_cast<int>(x >> 8) - (1 << 23)) / (1 << 23);
}

__host__ __device__ inline uint16_t rounded(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float widened(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

// (`rows`, `columns`) of a tensor in tiles; `half` > 0: rows from `half_rows` on begin at row `half` (x and z of
// in_proj).
__global__ void fill_tiles(uint16_t* to, uint32_t tensor, float scale, int rows, int columns, int padded_rows,
                           int padded_columns, int half_rows, int half) {
  for (long i = blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x;
       i < static_cast<long>(padded_rows) * padded_columns; i += static_cast<long>(gridDim.x) * blockDim.x) {
    const int row = static_cast<int>(i / padded_columns), column = static_cast<int>(i % padded_columns);
    int source = row;
    bool real = row < rows;
    if (half > 0) {
      source = row < half ? row : half_rows + row - half;
      real = row < half ? row < half_rows : row - half < half_rows;
    }
    const long at =
        (column / 64 * static_cast<long>(padded_rows) + row) * 64 + ((column % 64 / 8 ^ row % 8) * 8) + column % 8;
    to[at] = real && column < columns ? rounded(scale * uniform(tensor, source * columns + column)) : 0;
  }
}

// Rows of `width`, of which `real` are not padding.
__global__ void fill(float* to, uint32_t tensor, float scale, float shift, int count, int width, int real) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) to[i] = i % width < real ? shift + scale * uniform(tensor, i) : 0.0f;
}

// A (`States`, `Channels`) = -(n + 1) (1 + a little)
__global__ void fill_a(float* to, uint32_t tensor, int states, int channels, int real) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < states * channels) {
    const int n = i / channels, c = i % channels;
    to[i] = c < real ? -(n + 1) * (1.0f + 0.1f * uniform(tensor, c * states + n)) : 0.0f;
  }
}

template <typename T>
T* allocate(size_t count) {
  T* pointer;
  CHECK(cudaMalloc(&pointer, count * sizeof(T)));
  CHECK(cudaMemset(pointer, 0xff, count * sizeof(T)));
  return pointer;
}

// ---- The model -----------------------------------------------------------------------------------------------------

struct Layer {
  float *norm, *taps, *convolution_bias, *delta_bias, *a, *d;
  bfloat16 *in_proj, *x_proj, *dt_proj, *out_proj;
};

enum Tensor {
  norm,
  taps,
  convolution_bias,
  delta_bias,
  a_values,
  d_values,
  in_proj,
  x_proj,
  dt_proj,
  out_proj,
  tensors
};

// Tiles of the four products.
template <int R, int O, int P, int S>
struct Tiles {
  [[maybe_unused]] static constexpr int rows = R, outputs = O, parts = P, stages = S;
  static constexpr int shared = S * (R + O) * 128 + S * 16;
};

template <int Size_, int Inner_, int Rank_, int States_, int Taps_, bool Norm_, int MaximumRows, typename In,
          typename X, typename Dt, typename Out, int Lanes_, int BlockChannels_, int BlockTokens_, int Slots_>
struct Model {
  static constexpr int Size = Size_, Inner = Inner_, Rank = Rank_, States = States_, Taps = Taps_;
  static constexpr bool Norm = Norm_;
  static constexpr int Lanes = Lanes_, BlockChannels = BlockChannels_, BlockTokens = BlockTokens_, Slots = Slots_;
  static constexpr int Rows = round_up(MaximumRows, 128);
  static constexpr int Channels = round_up(Inner, 16), Padded = round_up(Inner, 64);
  static constexpr int SizePadded = round_up(Size, 64), RankPadded = round_up(Rank, 64);
  static constexpr int Shared = Rank + 2 * States;  // what x_proj makes
  static constexpr int SizeRows = round_up(Size, 128), SharedRows = round_up(Shared, X::outputs),
                       DeltaRows = round_up(Padded, 128);
  static constexpr int LayerState = (Taps - 1 + States) * Channels;
  static constexpr int ConvolutionTokens = 8, ConvolutionThreads = 64, NormWarps = 4;
  static constexpr float Epsilon = 1e-5f;

  int layers, state_stride_layers;
  std::vector<Layer> weights;
  float *residual, *parts, *state;
  bfloat16 *normed, *x, *dt, *y;
  float16 *projected, *delta;
  unsigned* bc;

  static constexpr int most_layers = 64;
  static constexpr int StateStride = LayerState * most_layers;

  Model(int layers, int sequences) : layers(layers) {
    for (int l = 0; l < layers; ++l) {
      Layer w;
      const uint32_t id = l * tensors + 1;
      auto vector = [&](uint32_t tensor, int count, int width, int real, float scale, float shift) {
        float* to = allocate<float>(count);
        fill<<<ceiling(count, 256), 256>>>(to, id + tensor, scale, shift, count, width, real);
        return to;
      };
      auto matrix = [&](uint32_t tensor, int rows, int columns, int padded_rows, int padded_columns, float scale,
                        int half_rows = 0, int half = 0) {
        bfloat16* to = allocate<bfloat16>(static_cast<size_t>(padded_rows) * padded_columns);
        fill_tiles<<<1024, 256>>>(reinterpret_cast<uint16_t*>(to), id + tensor, scale, rows, columns, padded_rows,
                                  padded_columns, half_rows, half);
        return to;
      };
      w.norm = vector(norm, Size, Size, Size, 0.1f, 1.0f);
      w.taps = vector(taps, Taps * Channels, Channels, Inner, 0.5f, 0.0f);
      w.convolution_bias = vector(convolution_bias, Channels, Channels, Inner, 0.5f, 0.0f);
      w.delta_bias = vector(delta_bias, Padded, Padded, Inner, 2.0f, -4.0f);
      w.d = vector(d_values, Channels, Channels, Inner, 0.5f, 1.0f);
      w.a = allocate<float>(States * Channels);
      fill_a<<<ceiling(States * Channels, 256), 256>>>(w.a, id + a_values, States, Channels, Inner);
      w.in_proj = matrix(in_proj, 2 * Inner, Size, 2 * Padded, SizePadded, std::sqrt(3.0f / Size), Inner, Padded);
      w.x_proj = matrix(x_proj, Shared, Inner, SharedRows, Padded, std::sqrt(6.0f / Inner));
      w.dt_proj = matrix(dt_proj, Inner, Rank, DeltaRows, RankPadded, 1.0f / std::sqrt(static_cast<float>(Rank)));
      w.out_proj = matrix(out_proj, Size, Inner, SizeRows, Padded, std::sqrt(3.0f / Inner));
      weights.push_back(w);
    }
    residual = allocate<float>(static_cast<size_t>(Rows) * Size);
    normed = allocate<bfloat16>(static_cast<size_t>(Rows) * SizePadded);
    projected = allocate<float16>(static_cast<size_t>(Rows) * 2 * Padded);
    x = allocate<bfloat16>(static_cast<size_t>(Rows) * Padded);
    parts = allocate<float>(static_cast<size_t>(X::parts) * Rows * Shared);
    dt = allocate<bfloat16>(static_cast<size_t>(Rows) * RankPadded);
    bc = allocate<unsigned>(static_cast<size_t>(Rows) * States);
    delta = allocate<float16>(static_cast<size_t>(Rows) * Padded);
    y = allocate<bfloat16>(static_cast<size_t>(Rows) * Padded);
    state = allocate<float>(static_cast<size_t>(sequences) * StateStride);
    CHECK(cudaFuncSetAttribute(in_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, In::shared));
    CHECK(cudaFuncSetAttribute(x_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, X::shared));
    CHECK(cudaFuncSetAttribute(dt_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Dt::shared));
    CHECK(cudaFuncSetAttribute(out_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Out::shared));
    CHECK(cudaFuncSetAttribute(scan_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, ScanShared));
    CHECK(cudaDeviceSynchronize());
  }

  static constexpr auto in_kernel = project_tiles<SizePadded, 2 * Padded, 2 * Padded, Rows, 2 * Padded, In::rows,
                                                  In::outputs, 1, In::stages, float16, false, false, false, false>;
  static constexpr auto x_kernel = project_tiles<Padded, Shared, SharedRows, Rows, Shared, X::rows, X::outputs,
                                                 X::parts, X::stages, float, false, false, false, false>;
  static constexpr auto dt_kernel = project_tiles<RankPadded, Padded, DeltaRows, Rows, Padded, Dt::rows, Dt::outputs, 1,
                                                  Dt::stages, float16, true, true, false, false>;
  static constexpr auto out_kernel = project_tiles<Padded, Size, SizeRows, Rows, Size, Out::rows, Out::outputs, 1,
                                                   Out::stages, float, false, false, true, false>;

  static constexpr auto scan_kernel = scan_tiles<Channels, Padded, States, Taps, Rows, 2 * Padded, StateStride, Lanes,
                                                 BlockChannels, BlockTokens, Slots>;
  static constexpr int ScanShared = Slots * BlockTokens * (BlockChannels * 6 + States * 4) +
                                    8 * BlockChannels * (BlockTokens + 4) +
                                    8 * Lanes * (BlockTokens * BlockChannels + 4);

  static int blocks(int tiles) { return std::min(tiles, 132); }

  // One of the eight launches of a layer, on sequences of `tokens` tokens.
  void launch(int kind, int l, int sequences, int tokens, cudaStream_t stream) const {
    const Layer& w = weights[l];
    const int rows = sequences * tokens;
    float* window = state + static_cast<long>(l) * LayerState;
    float* h = window + (Taps - 1) * Channels;
    if (kind == 0) {
      norm_tiles<Size, Size, Rows, false, NormWarps><<<dim3(1, ceiling(rows, NormWarps)), NormWarps * 32, 0, stream>>>(
          w.norm, nullptr, residual, 1, Epsilon, normed, rows);
    } else if (kind == 1) {
      in_kernel<<<blocks(ceiling(rows, In::rows) * (2 * Padded / In::outputs)), In::rows * 2 + 32, In::shared,
                  stream>>>(w.in_proj, nullptr, normed, projected, rows);
    } else if (kind == 2) {
      convolve_tiles<Channels, Padded, Taps, 2 * Padded, Rows, StateStride, true, ConvolutionTokens, ConvolutionThreads>
          <<<dim3(ceiling(Padded / 8, ConvolutionThreads), sequences * ceiling(tokens, ConvolutionTokens)),
             ConvolutionThreads, 0, stream>>>(w.taps, w.convolution_bias, window, projected, x, tokens);
    } else if (kind == 3) {
      x_kernel<<<blocks(ceiling(rows, X::rows) * (SharedRows / X::outputs) * X::parts), X::rows * 2 + 32, X::shared,
                 stream>>>(w.x_proj, nullptr, x, parts, rows);
    } else if (kind == 4) {
      sum_parts<X::parts, Rows, Shared, Rank, States, Norm, NormWarps>
          <<<dim3(1, ceiling(rows, NormWarps)), NormWarps * 32, 0, stream>>>(parts, Epsilon, dt, bc, rows);
    } else if (kind == 5) {
      dt_kernel<<<blocks(ceiling(rows, Dt::rows) * (DeltaRows / Dt::outputs)), Dt::rows * 2 + 32, Dt::shared, stream>>>(
          w.dt_proj, w.delta_bias, dt, delta, rows);
    } else if (kind == 6) {
      scan_kernel<<<dim3(Padded / BlockChannels, sequences), Lanes * BlockChannels + 256, ScanShared, stream>>>(
          w.a, w.d, h, window, delta, x, projected, bc, y, tokens);
    } else {
      out_kernel<<<blocks(ceiling(rows, Out::rows) * (SizeRows / Out::outputs)), Out::rows * 2 + 32, Out::shared,
                   stream>>>(w.out_proj, nullptr, y, residual, rows);
    }
    CHECK(cudaGetLastError());
  }

  void forward(int sequences, int tokens, cudaStream_t stream) const {
    for (int l = 0; l < layers; ++l) {
      for (int kind = 0; kind < 8; ++kind) launch(kind, l, sequences, tokens, stream);
    }
  }
};

// ---- The same in double precision ----------------------------------------------------------------------------------

double real_softplus(double x) { return x > 20 ? x : std::log1p(std::exp(x)); }
double real_silu(double x) { return x / (1 + std::exp(-x)); }

std::vector<double> matrix_of(uint32_t id, float scale, int rows, int columns) {
  std::vector<double> values(static_cast<size_t>(rows) * columns);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = widened(rounded(scale * uniform(id, static_cast<uint32_t>(i))));
  return values;
}

void normalize(double* values, int count, double epsilon) {
  double squares = 0;
  for (int i = 0; i < count; ++i) squares += values[i] * values[i];
  const double scale = 1 / std::sqrt(squares / count + epsilon);
  for (int i = 0; i < count; ++i) values[i] *= scale;
}

// residual (sequences * tokens, Size) and state as the device lays it out, both in place.
template <typename M>
void reference(const M& model, std::vector<double>& residual, std::vector<double>& state, int sequences, int tokens) {
  for (int l = 0; l < model.layers; ++l) {
    const uint32_t id = l * tensors + 1;
    auto value = [&](uint32_t tensor, int index, float scale, float shift) -> double {
      return shift + scale * uniform(id + tensor, index);
    };
    const auto win = matrix_of(id + in_proj, std::sqrt(3.0f / M::Size), 2 * M::Inner, M::Size);
    const auto wx = matrix_of(id + x_proj, std::sqrt(6.0f / M::Inner), M::Shared, M::Inner);
    const auto wdt = matrix_of(id + dt_proj, 1.0f / std::sqrt(static_cast<float>(M::Rank)), M::Inner, M::Rank);
    const auto wout = matrix_of(id + out_proj, std::sqrt(3.0f / M::Inner), M::Size, M::Inner);
    for (int s = 0; s < sequences; ++s) {
      double* window = state.data() + static_cast<size_t>(s) * M::StateStride + static_cast<size_t>(l) * M::LayerState;
      double* h = window + (M::Taps - 1) * M::Channels;
      for (int t = 0; t < tokens; ++t) {
        double* row = residual.data() + (static_cast<size_t>(s) * tokens + t) * M::Size;
        std::vector<double> u(row, row + M::Size), xz(2 * M::Inner), x(M::Inner), shared(M::Shared), y(M::Inner);
        normalize(u.data(), M::Size, M::Epsilon);
        for (int i = 0; i < M::Size; ++i) u[i] *= value(norm, i, 0.1f, 1.0f);
        for (int o = 0; o < 2 * M::Inner; ++o) {
          for (int i = 0; i < M::Size; ++i) xz[o] += win[static_cast<size_t>(o) * M::Size + i] * u[i];
        }
        for (int c = 0; c < M::Inner; ++c) {
          double sum = value(convolution_bias, c, 0.5f, 0.0f);
          for (int k = 0; k < M::Taps - 1; ++k) {
            sum += value(taps, k * M::Channels + c, 0.5f, 0.0f) * window[k * M::Channels + c];
          }
          sum += value(taps, (M::Taps - 1) * M::Channels + c, 0.5f, 0.0f) * xz[c];
          for (int k = 0; k < M::Taps - 2; ++k) window[k * M::Channels + c] = window[(k + 1) * M::Channels + c];
          window[(M::Taps - 2) * M::Channels + c] = xz[c];
          x[c] = real_silu(sum);
        }
        for (int o = 0; o < M::Shared; ++o) {
          for (int c = 0; c < M::Inner; ++c) shared[o] += wx[static_cast<size_t>(o) * M::Inner + c] * x[c];
        }
        double *b = shared.data() + M::Rank, *cc = b + M::States;
        if (M::Norm) {
          normalize(shared.data(), M::Rank, M::Epsilon);
          normalize(b, M::States, M::Epsilon);
          normalize(cc, M::States, M::Epsilon);
        }
        for (int c = 0; c < M::Inner; ++c) {
          double delta = value(delta_bias, c, 2.0f, -4.0f);
          for (int r = 0; r < M::Rank; ++r) delta += wdt[static_cast<size_t>(c) * M::Rank + r] * shared[r];
          delta = real_softplus(delta);
          double sum = value(d_values, c, 0.5f, 1.0f) * x[c];
          for (int n = 0; n < M::States; ++n) {
            const double a = -(n + 1) * (1.0f + 0.1f * uniform(id + a_values, c * M::States + n));
            double& cell = h[n * M::Channels + c];
            cell = std::exp(delta * a) * cell + delta * x[c] * b[n];
            sum += cell * cc[n];
          }
          y[c] = sum * real_silu(xz[M::Inner + c]);
        }
        for (int o = 0; o < M::Size; ++o) {
          double sum = 0;
          for (int c = 0; c < M::Inner; ++c) sum += wout[static_cast<size_t>(o) * M::Inner + c] * y[c];
          row[o] += sum;
        }
      }
    }
  }
}

template <typename T>
double error_of(const std::vector<float>& ours, const std::vector<T>& truth) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    difference += (ours[i] - truth[i]) * (ours[i] - truth[i]);
    size += static_cast<double>(truth[i]) * truth[i];
  }
  return std::sqrt(difference / size);
}

std::vector<float> from_device(const float* pointer, size_t count) {
  std::vector<float> values(count);
  CHECK(cudaMemcpy(values.data(), pointer, count * 4, cudaMemcpyDeviceToHost));
  return values;
}

void to_device(float* pointer, const std::vector<float>& values) {
  CHECK(cudaMemcpy(pointer, values.data(), values.size() * 4, cudaMemcpyHostToDevice));
}

int failures = 0;

void expect_below(const char* name, const char* what, double error, double limit) {
  const bool good = error <= limit;  // false for NaN
  std::printf("%-18s %-34s %.3e (limit %.0e)%s\n", name, what, error, limit, good ? "" : "  WRONG");
  if (!good) ++failures;
}

template <typename M>
void check(const char* name, int layers, int sequences, int tokens) {
  const M model(layers, sequences);
  const size_t rows = static_cast<size_t>(sequences) * tokens;
  std::vector<float> input(rows * M::Size), start(static_cast<size_t>(sequences) * M::StateStride);
  for (size_t i = 0; i < input.size(); ++i) input[i] = uniform(1000, i);
  for (size_t i = 0; i < start.size(); ++i) {
    const size_t layer = i % M::StateStride / M::LayerState, channel = i % M::Channels;
    if (static_cast<int>(layer) < layers && static_cast<int>(channel) < M::Inner) start[i] = uniform(1001, i);
  }
  auto run = [&](const std::vector<float>& x, int count) {
    to_device(model.residual, x);
    model.forward(sequences, count, nullptr);
    CHECK(cudaDeviceSynchronize());
    return from_device(model.residual, x.size());
  };
  to_device(model.state, start);
  const std::vector<float> output = run(input, tokens);
  const std::vector<float> state = from_device(model.state, start.size());

  std::vector<double> truth(input.begin(), input.end()), true_state(start.begin(), start.end());
  reference(model, truth, true_state, sequences, tokens);
  std::vector<float> change(output.size());
  std::vector<double> true_change(truth.size());
  for (size_t i = 0; i < output.size(); ++i) {
    change[i] = output[i] - input[i];
    true_change[i] = truth[i] - input[i];
  }
  expect_below(name, "what the layers add", error_of(change, true_change), 5e-3);
  expect_below(name, "state", error_of(state, true_state), 5e-3);

  to_device(model.state, start);
  const std::vector<float> again = run(input, tokens);
  const std::vector<float> state_again = from_device(model.state, start.size());
  const bool same = std::memcmp(output.data(), again.data(), output.size() * 4) == 0 &&
                    std::memcmp(state.data(), state_again.data(), state.size() * 4) == 0;
  expect_below(name, "run again: other bits", same ? 0 : 1, 0);

  // In two pieces, the second of one token: the state carries over.
  to_device(model.state, start);
  std::vector<float> head, tail;
  for (int s = 0; s < sequences; ++s) {
    const auto begin = input.begin() + static_cast<long>(s) * tokens * M::Size;
    head.insert(head.end(), begin, begin + (tokens - 1) * M::Size);
    tail.insert(tail.end(), begin + (tokens - 1) * M::Size, begin + tokens * M::Size);
  }
  run(head, tokens - 1);
  const std::vector<float> last = run(tail, 1);
  std::vector<float> expected;
  for (int s = 0; s < sequences; ++s) {
    const auto end = output.begin() + static_cast<long>(s + 1) * tokens * M::Size;
    expected.insert(expected.end(), end - M::Size, end);
  }
  expect_below(name, "in two pieces, last output", error_of(last, expected), 1e-6);
  expect_below(name, "in two pieces, state", error_of(from_device(model.state, start.size()), state), 1e-6);
}

// ---- Time ----------------------------------------------------------------------------------------------------------

double median_milliseconds(const std::function<void(cudaStream_t)>& work) {
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  work(stream);
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  cudaEvent_t before, after;
  CHECK(cudaEventCreate(&before));
  CHECK(cudaEventCreate(&after));
  std::vector<float> times;
  for (int i = 0; i < 18; ++i) {
    CHECK(cudaEventRecord(before, stream));
    CHECK(cudaGraphLaunch(executable, stream));
    CHECK(cudaEventRecord(after, stream));
    CHECK(cudaStreamSynchronize(stream));
    float time;
    CHECK(cudaEventElapsedTime(&time, before, after));
    if (i >= 3) times.push_back(time);
  }
  CHECK(cudaGraphExecDestroy(executable));
  CHECK(cudaGraphDestroy(graph));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

template <typename M>
void time_model(const char* name, int layers, int sequences, int tokens) {
  const M model(layers, sequences);
  std::vector<float> input(static_cast<size_t>(sequences) * tokens * M::Size);
  for (size_t i = 0; i < input.size(); ++i) input[i] = uniform(1000, i);
  to_device(model.residual, input);
  CHECK(cudaMemset(model.state, 0, sizeof(float) * sequences * static_cast<size_t>(M::StateStride)));
  const double whole = median_milliseconds([&](cudaStream_t s) { model.forward(sequences, tokens, s); });
  std::printf("{\"model\": \"%s\", \"batch\": %d, \"tokens\": %d, \"layers\": %d, \"forward_ms\": %.3f", name,
              sequences, tokens, layers, whole);
  const char* kinds[] = {"norm", "in_proj", "convolve", "x_proj", "sum_parts", "dt_proj", "scan", "out_proj"};
  for (int kind = 0; kind < 8; ++kind) {
    const double time = median_milliseconds([&](cudaStream_t s) {
      for (int l = 0; l < layers; ++l) model.launch(kind, l, sequences, tokens, s);
    });
    std::printf(", \"%s_us\": %.2f", kinds[kind], time * 1000 / layers);
  }
  std::printf("}\n");
  std::fflush(stdout);
  CHECK(cudaDeviceReset());
}

}  // namespace

#include FORWARD_CASES

int main() {
  cases();
  std::printf(failures == 0 ? "all correct\n" : "%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
