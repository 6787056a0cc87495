// Runs the decode kernel by itself: a shape and a plan, given on the command line of nvcc (-D...), random weights,
// against double precision. Prints errors, then times.
#include "decode_model.cuh"
#include "templates/cuda/decode.cuh"

using mambac::round_up;

#ifndef BLOCKS
#define BLOCKS 128
#endif
#ifndef DELAY
#define DELAY 700
#endif
#ifndef READ_ONCE
#define READ_ONCE 1
#endif

constexpr int Blocks = BLOCKS, Warps = WARPS, ChannelsPerWarp = CHANNELS_PER_WARP, RowParts = ROW_PARTS;
constexpr int RowsPerWarp = ROWS_PER_WARP;
constexpr int SizeSlab = SIZE_SLAB, InnerSlab = INNER_SLAB, Slots = SLOTS, SlotBytes = SLOT_BYTES;
constexpr int InFlight = IN_FLIGHT, Delay = DELAY;
constexpr int width = 16 / sizeof(Weight);
constexpr int Channels = Warps * ChannelsPerWarp, Rows = Warps / RowParts * RowsPerWarp;
constexpr int HeadRows = Channels;
constexpr int SizePadded = Blocks * Rows, InnerPadded = Blocks * Channels;
constexpr int InputPadded = round_up(InputSize, width);
constexpr int RankPadded = round_up(Rank, 2);

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
