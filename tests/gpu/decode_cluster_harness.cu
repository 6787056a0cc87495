// Runs the cluster's decode kernel by itself, as decode_harness.cu does the other one.
#include "decode_model.cuh"
#include "templates/cuda/decode_cluster.cuh"

constexpr int Blocks = BLOCKS, Warps = WARPS;
constexpr int channels = 2 * Warps, rank_padded = (Rank + 3) / 4 * 4, exchanged = rank_padded + 2 * States;
constexpr int size = (Size + 127) / 128 * 128, input_padded = (InputSize + 127) / 128 * 128, rows = size / Blocks;
constexpr int element = sizeof(Weight);
constexpr int norm_bytes = (Layers + 1) * size * 4;
constexpr int input_bytes = (rows * (input_padded * element + 4) + 15) / 16 * 16;
constexpr int layer_bytes =
    channels * (2 * size + exchanged + size) * element + channels * (Taps + 1 + Rank + 1 + States + 1) * 4;
constexpr int block_bytes = norm_bytes + input_bytes + Layers * layer_bytes;
constexpr int threads = 32 * Warps;
constexpr int shared_bytes = block_bytes + 4 * (Layers * Taps * threads + Blocks * (exchanged + size) + 3 * size +
                                                2 * channels + (size > exchanged ? size : exchanged) + exchanged);

std::vector<unsigned char> pack() {
  std::vector<unsigned char> all(long{Blocks} * block_bytes);
  unsigned char* to = all.data();
  const auto add = [&](float value, bool matrix) {
    store(to, value, matrix);
    to += matrix ? element : 4;
  };
  for (int block = 0; block < Blocks; ++block) {
    for (int layer = 0; layer <= Layers; ++layer) {
      for (int i = 0; i < size; ++i) add(i < Size ? weight(norm_scale, layer, i, 0) : 0, false);
    }
    unsigned char* input = to;
    for (int row = block * rows; row < (block + 1) * rows; ++row) {
      for (int i = 0; i < input_padded; ++i) {
        add(row < Size && i < InputSize ? weight(input_proj, 0, row, i) : 0, true);
      }
    }
    for (int row = block * rows; row < (block + 1) * rows; ++row)
      add(row < Size ? weight(input_bias, 0, row, 0) : 0, false);
    to = input + input_bytes;
    for (int layer = 0; layer < Layers; ++layer) {
      const int first = block * channels;
      for (int warp = 0; warp < Warps; ++warp) {
        for (int row = 0; row < 4; ++row) {
          const int channel = first + warp * 2 + row % 2;
          for (int i = 0; i < size; ++i) {
            add(channel < Inner && i < Size ? weight(in_proj, layer, row / 2 * Inner + channel, i) : 0, true);
          }
        }
      }
      for (int i = 0; i < channels * exchanged; ++i) {
        const int channel = first + i / (4 * exchanged) * 4 + i % 4;
        const int row = i / 4 % exchanged - (i / 4 % exchanged < rank_padded ? 0 : rank_padded - Rank);
        const bool real = channel < Inner && (i / 4 % exchanged < Rank || i / 4 % exchanged >= rank_padded);
        add(real ? weight(x_proj, layer, row, channel) : 0, true);
      }
      for (int i = 0; i < channels * size; ++i) {
        const int channel = first + i / (4 * size) * 4 + i % 4, row = i / 4 % size;
        add(channel < Inner && row < Size ? weight(out_proj, layer, row, channel) : 0, true);
      }
      const auto vector = [&](Tensor tensor, int outer, int inner) {
        for (int o = 0; o < outer; ++o) {
          for (int c = first; c < first + channels; ++c) {
            for (int n = 0; n < inner; ++n) add(c < Inner ? weight(tensor, layer, c, o + n) : 0, false);
          }
        }
      };
      vector(taps_of, Taps, 1);
      vector(conv_bias, 1, 1);
      vector(dt_proj, 1, Rank);
      vector(dt_bias, 1, 1);
      vector(a_of, 1, States);
      vector(d_of, 1, 1);
    }
  }
  return all;
}

constexpr auto kernel = mambac::decode_cluster<Weight, Blocks, Warps, Layers, Size, Inner, Rank, Taps, InputSize, 0>;

int main(int, char** arguments) {
  constexpr int most_tokens = 256;
  const std::vector<unsigned char> packed = pack();
  unsigned char* weights;
  float *state, *input, *output;
  int* tokens;
  CHECK(cudaMalloc(&weights, packed.size()));
  CHECK(cudaMemcpy(weights, packed.data(), packed.size(), cudaMemcpyDefault));
  CHECK(cudaMalloc(&state, state_floats * 4));
  CHECK(cudaMalloc(&input, most_tokens * InputSize * 4));
  CHECK(cudaMalloc(&tokens, most_tokens * 4));
  CHECK(cudaMalloc(&output, most_tokens * Size * 4));
  fill_input<<<1, 256>>>(input, tokens, most_tokens);
  CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  if (Blocks > 8) CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  const auto run = [&](int first, int count) {
    kernel<<<Blocks, threads, shared_bytes, stream>>>(weights, state, input + first * InputSize, output + first * Size,
                                                      count, epsilon);
    CHECK(cudaGetLastError());
  };

  constexpr int checked = 16;
  Truth truth;
  fill_state<<<256, 256>>>(state, truth.state);
  CHECK(cudaMemset(output, 0xff, most_tokens * Size * 4));
  CHECK(cudaDeviceSynchronize());
  double worst = 0;
  for (int token = 0; token < checked; ++token) {
    run(token, 1);
    CHECK(cudaStreamSynchronize(stream));
    truth.step(0, token);
    CHECK(cudaDeviceSynchronize());
    const double error = relative_error(output + token * Size, truth.normed, Size);
    worst = error <= worst ? worst : error;
  }
  const double state_error = relative_error(state, truth.state, state_floats);
  std::vector<float> separate(checked * Size), together(checked * Size), state_separate(state_floats),
      state_together(state_floats);
  CHECK(cudaMemcpy(separate.data(), output, separate.size() * 4, cudaMemcpyDefault));
  CHECK(cudaMemcpy(state_separate.data(), state, state_floats * 4, cudaMemcpyDefault));
  fill_state<<<256, 256>>>(state, nullptr);
  CHECK(cudaMemset(output, 0xff, most_tokens * Size * 4));
  CHECK(cudaDeviceSynchronize());
  run(0, checked);
  CHECK(cudaStreamSynchronize(stream));
  CHECK(cudaMemcpy(together.data(), output, together.size() * 4, cudaMemcpyDefault));
  CHECK(cudaMemcpy(state_together.data(), state, state_floats * 4, cudaMemcpyDefault));
  const bool same = separate == together && state_separate == state_together;

  cudaEvent_t begin, end;
  CHECK(cudaEventCreate(&begin));
  CHECK(cudaEventCreate(&end));
  const auto time_of = [&](auto call) {
    std::vector<float> times;
    for (int round = 0; round < 9; ++round) {
      CHECK(cudaEventRecord(begin, stream));
      call();
      CHECK(cudaEventRecord(end, stream));
      CHECK(cudaStreamSynchronize(stream));
      float milliseconds;
      CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
      times.push_back(1000 * milliseconds);
    }
    std::sort(times.begin(), times.end());
    return times[4];
  };
  run(0, most_tokens);
  const float many = time_of([&] { run(0, most_tokens); }) / most_tokens;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  run(0, 1);
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  CHECK(cudaGraphLaunch(executable, stream));
  const float launches = time_of([&] {
                           for (int i = 0; i < 100; ++i) CHECK(cudaGraphLaunch(executable, stream));
                         }) /
                         100;
  // Launches that overlap: the weights of the next are copied while this one runs.
  const auto run_early = [&](int first) {
    cudaLaunchAttribute attribute;
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t launch = {};
    launch.gridDim = dim3(Blocks), launch.blockDim = dim3(threads), launch.dynamicSmemBytes = shared_bytes;
    launch.stream = stream, launch.attrs = &attribute, launch.numAttrs = 1;
    CHECK(cudaLaunchKernelEx(&launch, kernel, static_cast<const unsigned char*>(weights), state,
                             static_cast<const float*>(input + first * InputSize), output + first * Size, 1, epsilon));
  };
  fill_state<<<256, 256, 0, stream>>>(state, nullptr);
  for (int token = 0; token < checked; ++token) run_early(token);
  CHECK(cudaStreamSynchronize(stream));
  CHECK(cudaMemcpy(together.data(), output, together.size() * 4, cudaMemcpyDefault));
  const bool same_early = separate == together;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < 100; ++i) run_early(i);
  CHECK(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t overlapping;
  CHECK(cudaGraphInstantiate(&overlapping, graph, 0));
  CHECK(cudaGraphLaunch(overlapping, stream));
  const float early = time_of([&] { CHECK(cudaGraphLaunch(overlapping, stream)); }) / 100;
  const float single = time_of([&] { CHECK(cudaGraphLaunch(executable, stream)); });
  std::printf(
      "%-28s out %.1e state %.1e same %d | in one launch %.2f us, graph launches back to back %.2f us, one %.2f us; "
      "overlapping %.2f us, same %d\n",
      arguments[0], worst, state_error, same, many, launches, single, early, same_early);
  return 0;
}
