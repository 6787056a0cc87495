// Which form of Mamba-2's recurrence is faster in forward: token after token (templates/cpu/head_scan.h), or chunks as
// matrix products (SSD; Dao, Gu 2024, section 6)? Times both on heads of 64 channels, checks that they agree, and
// prints the time of a token and head for every number of states and length of a chunk.
//
//   clang++-19 -std=c++20 -O3 -ffp-contract=off -march=native -I. bench/chunked_scan.cpp -o /tmp/chunked_scan &&
//   /tmp/chunked_scan
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "templates/cpu/head_scan.h"
#include "templates/cpu/project.h"
#include "templates/cpu/project_gradient.h"

namespace {

constexpr int heads = 8, head_size = 64, lanes = 16, tokens = 512;

struct Inputs {
  std::vector<float> x, b, c, delta, decay, d;

  explicit Inputs(int states)
      : x(tokens * heads * head_size),
        b(tokens * states),
        c(tokens * states),
        delta(tokens * heads),
        decay(tokens * heads),
        d(heads, 0.5f) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (auto* values : {&x, &b, &c}) {
      for (float& value : *values) value = normal(random);
    }
    for (int index = 0; index < tokens * heads; ++index) {
      delta[index] = 0.01f + 0.1f * std::abs(normal(random));
      decay[index] = std::exp(-delta[index]);
    }
  }
};

template <int States>
void token_after_token(const Inputs& in, float* h, float* output) {
  mambac::head_scan<heads, head_size, States, 1, heads * head_size, States, heads, heads * head_size,
                    heads * head_size * States, lanes, false, 1>(
      in.d.data(), h, in.x.data(), in.b.data(), in.c.data(), in.delta.data(), in.decay.data(), output, 1, tokens, 0);
}

// scores[t][s] = C[t] B[s] of one chunk, for all heads.
template <int States, int Chunk>
void score(const float* b, const float* c, float* scores) {
  alignas(64) float transposed[States][Chunk];
  for (int s = 0; s < Chunk; ++s) {
    for (int n = 0; n < States; ++n) transposed[n][s] = b[s * States + n];
  }
  mambac::project_panel<States, Chunk, States, Chunk, lanes, 6, float, false, false>(transposed[0], nullptr, c, scores,
                                                                                     Chunk);
}

// One chunk of one head. With decays[t][s] the product of the decays after s up to t:
//   output[t] = (product up to t) C[t] h + sum over s <= t of scores[t][s] decays[t][s] delta[s] x[s] + d x[t]
//   h = (product of all) h + sum over s of decays[last][s] delta[s] B[s] x[s]
template <int States, int Chunk>
void head_chunk(float d, float* h, const float* x, const float* b, const float* c, const float* scores,
                const float* delta, const float* decay, float* output) {
  constexpr int inner = States + Chunk, stride = heads * head_size;
  alignas(64) float left[Chunk][inner], right[inner][head_size], weighted[Chunk][States], weights[Chunk] = {};
  std::memcpy(right, h, States * head_size * sizeof(float));
  float since = 1;
  for (int t = 0; t < Chunk; ++t) {
    std::memcpy(right[States + t], x + t * stride, head_size * sizeof(float));
    since *= decay[t * heads];
    for (int n = 0; n < States; ++n) left[t][n] = c[t * States + n] * since;
    for (int s = 0; s < Chunk; ++s) weights[s] *= decay[t * heads];
    weights[t] = delta[t * heads];
    for (int s = 0; s < Chunk; ++s) left[t][States + s] = scores[t * Chunk + s] * weights[s];
    left[t][States + t] += d;
  }
  mambac::project_panel<inner, head_size, inner, stride, lanes, 6, float, false, false>(right[0], nullptr, left[0],
                                                                                        output, Chunk);
  for (int index = 0; index < States * head_size; ++index) h[index] *= since;
  for (int s = 0; s < Chunk; ++s) {
    for (int n = 0; n < States; ++n) weighted[s][n] = b[s * States + n] * weights[s];
  }
  mambac::project_gradient<head_size, States, stride, States, lanes, 6, head_size, 1>(x, weighted[0], h, Chunk, 0);
}

template <int States, int Chunk>
void in_chunks(const Inputs& in, float* h, float* output) {
  alignas(64) static float scores[Chunk * Chunk];
  for (int first = 0; first < tokens; first += Chunk) {
    const float *b = in.b.data() + first * States, *c = in.c.data() + first * States;
    score<States, Chunk>(b, c, scores);
    for (int head = 0; head < heads; ++head) {
      const long at = long{first} * heads + head;
      head_chunk<States, Chunk>(in.d[head], h + head * States * head_size, in.x.data() + at * head_size, b, c, scores,
                                in.delta.data() + at, in.decay.data() + at, output + at * head_size);
    }
  }
}

double norm_of_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, norm = 0;
  for (size_t index = 0; index < a.size(); ++index) {
    difference += std::pow(double{a[index]} - b[index], 2), norm += std::pow(double{a[index]}, 2);
  }
  return std::sqrt(difference / norm);
}

template <int States>
void compare() {
  const Inputs in(States);
  using Form = void (*)(const Inputs&, float*, float*);
  const std::pair<const char*, Form> forms[] = {{"token after token", token_after_token<States>},
                                                {"chunks of 16", in_chunks<States, 16>},
                                                {"chunks of 32", in_chunks<States, 32>},
                                                {"chunks of 64", in_chunks<States, 64>}};
  std::vector<float> outputs[std::size(forms)];
  std::vector<double> times[std::size(forms)];
  float* h = static_cast<float*>(std::aligned_alloc(64, heads * States * head_size * sizeof(float)));
  for (int round = 0; round < 41; ++round) {
    for (size_t form = 0; form < std::size(forms); ++form) {
      std::fill(h, h + heads * States * head_size, 0.0f);
      outputs[form].resize(tokens * heads * head_size);
      const auto start = std::chrono::steady_clock::now();
      forms[form].second(in, h, outputs[form].data());
      times[form].push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
    }
  }
  std::free(h);
  std::printf("%d states\n", States);
  for (size_t form = 0; form < std::size(forms); ++form) {
    std::sort(times[form].begin(), times[form].end());
    const double median = times[form][times[form].size() / 2];
    std::printf("  %-18s %7.1f ns a token and head, %.2f of token after token; differs by %.0e\n", forms[form].first,
                median / (tokens * heads), median / times[0][times[0].size() / 2],
                norm_of_difference(outputs[0], outputs[form]));
  }
}

}  // namespace

int main() {
  compare<16>();
  compare<32>();
  compare<64>();
  compare<128>();
}
