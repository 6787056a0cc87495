#include "tests/golden_run.h"

#include <fmt/format.h>

namespace mambac {
namespace {

// (rows, columns) to (columns, rows): a state's channels come last, a golden's first.
std::vector<double> transposed(const std::vector<double>& values, int64_t rows, int64_t columns) {
  std::vector<double> result(values.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}

}  // namespace

void set_golden_state(Executor& executor, const GoldenCase& golden, int64_t sequence) {
  for (const StateTensor& tensor : executor.plan().state) {
    const std::string name = fmt::format("{}_in.{}", tensor.golden_name, tensor.layer);
    std::vector<double> state(tensor.shape[0] * tensor.shape[1]);
    if (golden.golden.has(name)) state = transposed(values(golden.golden.at(name)), tensor.shape[1], tensor.shape[0]);
    executor.set_state(sequence, tensor.name, state);
  }
}

std::map<std::string, std::vector<double>> golden_states(const Executor& executor, int64_t sequence) {
  std::map<std::string, std::vector<double>> states;
  for (const StateTensor& tensor : executor.plan().state) {
    states[fmt::format("{}_out.{}", tensor.golden_name, tensor.layer)] =
        transposed(executor.state(sequence, tensor.name), tensor.shape[0], tensor.shape[1]);
  }
  return states;
}

std::map<std::string, std::vector<double>> run_golden(Executor& executor, const GoldenCase& golden,
                                                      const std::string& program) {
  set_golden_state(executor, golden);
  std::vector<double> outputs = executor.run(program, golden.input(), golden.count());
  std::map<std::string, std::vector<double>> answers = golden_states(executor);
  answers["outputs"] = std::move(outputs);
  return answers;
}

}  // namespace mambac
