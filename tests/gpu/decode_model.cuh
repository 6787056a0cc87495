// A model of random weights, given by its shape on the command line of nvcc (-D...), and its tokens computed in double
// precision by kernels that know nothing of any packing.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "runtime/cuda_types.h"

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

using Weight = WEIGHT;
constexpr int Layers = LAYERS, Size = SIZE, Inner = INNER, States = STATES, Rank = RANK, Taps = TAPS;
constexpr int InputSize = INPUT_SIZE, Outputs = OUTPUTS;
constexpr bool Head = HEAD, HeadBias = Head && InputSize > 0;
constexpr bool ProjectionBias = PROJECTION_BIAS, LayerNorm = LAYER_NORM, NormedDelta = NORMED_DELTA;
constexpr float epsilon = 1e-5f;

constexpr int Exchanged = Rank + 2 * States;
constexpr int StateChannels = (Inner + 15) / 16 * 16;
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

__host__ __device__ void store(unsigned char* to, float value, bool matrix) {
  if (matrix && sizeof(Weight) == 2) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    *reinterpret_cast<unsigned short*>(to) = static_cast<unsigned short>(bits >> 16);
  } else {
    *reinterpret_cast<float*>(to) = value;
  }
}

constexpr Tensor table = InputSize > 0 ? head : embedding;  // tied

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
