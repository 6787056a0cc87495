// What this machine can do at best, measured beside the programs: the two numbers of the floor (bench/README.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace mambac {

struct MachineLimits {
  double bytes_per_second = 0;          // reading memory of a footprint again and again
  double multiply_adds_per_second = 0;  // f32, fused, all lanes
};

// Measures with `threads` threads and the registers of `isa` ("x86-64-v3": AVX2, "x86-64-v4": AVX-512), which this
// machine must have. With fewer cores for this process than threads, one thread for each core: threads that share a
// core take turns, and the sum of what each does in its turn is more than any machine can do.
class MachineLimitMeter {
 public:
  // `footprint_bytes`: what the threads read together. Above 1 GiB it is all the same memory, so 1 GiB is read.
  MachineLimitMeter(size_t footprint_bytes, int threads, const std::string& isa);

  // One measurement of a millisecond or two, or of one pass over the footprint if that takes longer.
  double measure_bytes_per_second();
  double measure_multiply_adds_per_second();

  int cores() const { return threads_; }  // that are measured together

 private:
  // Runs `work`, which returns how much it did, on all threads at the same time again and again, for some tens of
  // microseconds at a time. Returns the sum over the threads of their median amount a second: a pause that the machine
  // inserts now and then counts here as little as in the median of a program. The first round warms caches.
  double measure(const std::function<double(int thread)>& work) const;

  int threads_;
  bool avx512_;
  size_t part_bytes_;  // that one thread reads
  std::unique_ptr<void, void (*)(void*)> memory_;
};

// A loop that touches no memory.
void spin_in_registers(int64_t turns);

// Work of one call, for all its sequences and tokens.
struct Work {
  double bytes = 0;
  double multiply_adds = 0;
  double exponentials = 0;
};

// `cost`: of plan.json. Outputs of `output_tokens` tokens of each sequence are asked for.
Work work_of(const nlohmann::ordered_json& cost, int64_t batch, int64_t tokens, int64_t output_tokens);

// Of a train and a backward of all tokens with all outputs: every weight is used three times a token, the weights are
// read twice, the gradients (`parameters` floats) read and written once.
Work training_work_of(const nlohmann::ordered_json& cost, int64_t batch, int64_t tokens, int64_t parameters);

// The one formula, in seconds.
double floor_of(const Work& work, const MachineLimits& limits);

}  // namespace mambac
