#include "tests/golden_run.h"

#include <fmt/format.h>

namespace mambac {
namespace {

// For every element of a golden's tensor, in its order: the index of the same element in the state's.
std::vector<size_t> order_of_golden(const StateTensor& tensor) {
  std::vector<size_t> order = {0};
  for (const int64_t dimension : tensor.golden_order) {
    size_t stride = 1;
    for (size_t later = dimension + 1; later < tensor.shape.size(); ++later) stride *= tensor.shape[later];
    std::vector<size_t> longer;
    for (const size_t first : order) {
      for (int64_t i = 0; i < tensor.shape[dimension]; ++i) longer.push_back(first + i * stride);
    }
    order = std::move(longer);
  }
  return order;
}

}  // namespace

void set_golden_state(Executor& executor, const GoldenCase& golden, int64_t sequence) {
  for (const StateTensor& tensor : executor.plan().state) {
    const std::string name = fmt::format("{}_in.{}", tensor.golden_name, tensor.layer);
    const std::vector<size_t> order = order_of_golden(tensor);
    std::vector<double> state(order.size());
    if (golden.golden.has(name)) {
      const std::vector<double> given = values(golden.golden.at(name));
      for (size_t i = 0; i < order.size(); ++i) state[order[i]] = given.at(i);
    }
    executor.set_state(sequence, tensor.name, state);
  }
}

std::map<std::string, std::vector<double>> golden_states(const Executor& executor, int64_t sequence) {
  std::map<std::string, std::vector<double>> states;
  for (const StateTensor& tensor : executor.plan().state) {
    const std::vector<double> state = executor.state(sequence, tensor.name);
    std::vector<double>& answer = states[fmt::format("{}_out.{}", tensor.golden_name, tensor.layer)];
    for (const size_t index : order_of_golden(tensor)) answer.push_back(state[index]);
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
