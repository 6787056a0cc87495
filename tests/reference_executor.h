// Runs a plan in double precision: the plan's own calls with their own offsets and strides, over one double for every
// float of workspace and state, so that a wrong offset or stride gives a wrong answer here too. Weights come from the
// checkpoint, not from the packed file. Everything a program has not written yet is NaN.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "generator/checkpoint/safetensors.h"
#include "generator/plan/plan.h"
#include "tests/reference_kernels.h"

namespace mambac {

class Executor {
 public:
  enum class Outputs { all, last };

  // Where a run is: right after `call` has run.
  struct Position {
    int64_t index = 0;        // of the call, counted through all blocks of the run
    int64_t sequence = 0;     // the first that the call works on
    int64_t first_token = 0;  // of the block
    int64_t tokens = 0;       // of the block
    const Call* call = nullptr;
  };
  // Told after every call; returning false stops the run there.
  using Observer = std::function<bool(const Position&)>;

  // Both must outlive the executor.
  Executor(const Plan& plan, const SafetensorsFile& checkpoint);

  void reset();  // the state to zero
  // By StateTensor::name; values in its shape, without padding.
  void set_state(int64_t sequence, const std::string& name, std::span<const double> values);
  std::vector<double> state(int64_t sequence, const std::string& name) const;

  // Input: tokens as numbers (batch, count) or values (batch, count, input_size); any count, split into the program's
  // blocks. Output: (batch, count, outputs), or (batch, outputs) of the last token; what was not reached is NaN.
  std::vector<double> run(const std::string& program, std::span<const double> input, int64_t count,
                          Outputs outputs = Outputs::all, const Observer& observer = {});

  // Inside an observer: the memory that an argument of the call just run points at, as (rows, columns).
  std::vector<double> values(const std::string& argument) const { return arguments_.memory(argument).values(); }

  const Plan& plan() const { return plan_; }

 private:
  // One block of tokens of some sequences, with the part of input and output that its calls see.
  struct Block {
    const Program* program = nullptr;
    int64_t first_sequence = 0, first_token = 0, tokens = 0;
    std::vector<double> input, output;

    int64_t rows() const { return program->sequences * tokens; }
  };

  bool run_calls(const std::vector<Call>& calls, const Observer& observer);  // false: the observer stopped it
  KernelArguments resolve(const Call& call);
  Memory resolve(const Operand& operand);
  std::vector<double> load(const PackedTensor& tensor, const SafetensorsFile& checkpoint) const;

  const Plan& plan_;
  std::map<std::string, std::vector<double>> weights_;  // by PackedTensor::name, with its padding, not in panels
  std::vector<double> state_;                           // (batch, state_floats)
  std::vector<double> workspace_;
  Block block_;
  int64_t next_index_ = 0;
  KernelArguments arguments_;  // of the call just run
};

}  // namespace mambac
