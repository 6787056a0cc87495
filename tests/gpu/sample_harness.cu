// The sampling kernel against the host's sampling: the same tokens for the same logits, options and seed. Prints the
// share of equal tokens and the time of a launch.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "generator/text/sampling.h"
#include "templates/cuda/sample.cuh"

#define CHECK(call)                                                                         \
  do {                                                                                      \
    const cudaError_t error = (call);                                                       \
    if (error != cudaSuccess) {                                                             \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error)); \
      std::exit(1);                                                                         \
    }                                                                                       \
  } while (0)

template <int Vocabulary>
void test(const char* name, const mambac::SamplingOptions& options, double spread, bool ties) {
  constexpr int blocks = 8, rounds = 64;
  std::vector<float> logits(Vocabulary);
  float* device_logits;
  int *control, *tokens;
  unsigned char* marks;
  CHECK(cudaMalloc(&device_logits, Vocabulary * 4));
  CHECK(cudaMalloc(&control, 8));
  CHECK(cudaMalloc(&tokens, (rounds + 1) * 4));
  CHECK(cudaMalloc(&marks, Vocabulary));
  CHECK(cudaMemset(control, 0, 8));
  CHECK(cudaMemset(marks, 0, Vocabulary));
  const auto launch = [&](int index) {
    mambac::sample<Vocabulary, blocks>
        <<<blocks, 1024>>>(device_logits, control, index, tokens, marks, options.temperature, options.top_k,
                           options.top_p, options.min_p, options.repetition_penalty, options.seed, index);
  };
  std::vector<int32_t> text;
  int equal = 0;
  for (int round = 0; round < rounds; ++round) {
    for (float& logit : logits) {
      double sum = 0;
      for (int i = 0; i < 12; ++i) sum += std::rand() / double{RAND_MAX};
      logit = ties ? std::round(spread * (sum - 6)) : spread * (sum - 6);
    }
    CHECK(cudaMemcpy(device_logits, logits.data(), Vocabulary * 4, cudaMemcpyDefault));
    launch(round);
    CHECK(cudaDeviceSynchronize());
    int token;
    CHECK(cudaMemcpy(&token, tokens + round, 4, cudaMemcpyDefault));
    equal += token == mambac::sample(logits, text, options);
    text.push_back(token);
  }
  cudaEvent_t begin, end;
  CHECK(cudaEventCreate(&begin));
  CHECK(cudaEventCreate(&end));
  std::vector<float> times;
  for (int round = 0; round < 9; ++round) {
    CHECK(cudaEventRecord(begin));
    for (int i = 0; i < 100; ++i) launch(rounds);
    CHECK(cudaEventRecord(end));
    CHECK(cudaDeviceSynchronize());
    float milliseconds;
    CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
    times.push_back(milliseconds * 10);
  }
  std::sort(times.begin(), times.end());
  float not_a_number = NAN;
  CHECK(cudaMemcpy(device_logits + Vocabulary / 2, &not_a_number, 4, cudaMemcpyDefault));
  launch(rounds);
  int after[2];
  CHECK(cudaMemcpy(after, control, 8, cudaMemcpyDefault));
  std::printf("%-34s %d of %d equal, %.1f us; NaN: token %d, stopped %d\n", name, equal, rounds, times[4], after[0],
              after[1]);
}

int main() {
  test<50277>("greedy", {}, 3, false);
  test<50277>("greedy, penalty", {.repetition_penalty = 1.3}, 3, true);
  test<50277>("temperature 1", {.temperature = 1, .seed = 5}, 3, false);
  test<50277>("temperature 1, flat", {.temperature = 1, .seed = 6}, 0, false);
  test<50277>("temperature 0.7, ties", {.temperature = 0.7, .seed = 7}, 2, true);
  test<50277>("top-p 0.9", {.temperature = 1, .top_p = 0.9, .seed = 1}, 3, false);
  test<50277>("top-p 0.9, ties", {.temperature = 1, .top_p = 0.9, .seed = 2}, 2, true);
  test<50277>("top-k 40", {.temperature = 0.8, .top_k = 40, .seed = 3}, 3, false);
  test<50277>("top-k 40, ties", {.temperature = 0.8, .top_k = 40, .seed = 3}, 3, true);
  test<50277>("min-p 0.05", {.temperature = 1, .min_p = 0.05, .seed = 4}, 3, false);
  test<50277>("all",
              {.temperature = 0.9, .top_k = 50, .top_p = 0.95, .min_p = 0.02, .repetition_penalty = 1.1, .seed = 9}, 3,
              false);
  test<259>("small vocabulary, top-p 0.5", {.temperature = 1, .top_p = 0.5, .seed = 1}, 1, false);
  return 0;
}
