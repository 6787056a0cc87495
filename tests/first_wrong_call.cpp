#include "tests/first_wrong_call.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "generator/error.h"
#include "generator/run/cases.h"

namespace mambac {
namespace {

WrongCall wrong_call(const Executor::Position& position, double error) {
  return {position, error,
          fmt::format("call {}, layer {} ({}) by `{}`, block of tokens {} to {}: error {:.2g}", position.index,
                      position.call->layer, position.call->about, position.call->kernel, position.first_token,
                      position.first_token + position.tokens - 1, error)};
}

// Names of the arguments that the call writes, and of the memory behind them.
std::map<std::string, std::string> written(const Call& call) {
  std::map<std::string, std::string> names;
  for (const auto& [name, argument] : call.arguments) {
    auto* operand = std::get_if<Operand>(&argument);
    if (operand != nullptr && operand->written) names[name] = operand->name;
  }
  return names;
}

}  // namespace

std::optional<WrongCall> first_wrong_layer(Executor& executor, const std::string& program,
                                           std::span<const double> input, int64_t count,
                                           std::span<const double> residuals, double tolerance) {
  const int64_t layers = executor.plan().model.layers, size = executor.plan().model.model_size;
  std::map<int64_t, const Call*> last_of_layer;  // that writes the residual stream
  for (const Call& call : executor.plan().program(program).calls) {
    for (const auto& [argument, memory] : written(call)) {
      if (memory == "residual" && call.layer >= 0) last_of_layer[call.layer] = &call;
    }
  }
  if (static_cast<int64_t>(last_of_layer.size()) != layers) {
    fail(ExitCode::internal, "{} of {} layers write a buffer `residual`", last_of_layer.size(), layers);
  }
  std::optional<WrongCall> wrong;
  executor.run(program, input, count, Executor::Outputs::all, [&](const Executor::Position& position) {
    const int64_t layer = position.call->layer;
    if (layer < 0 || last_of_layer.at(layer) != position.call) return true;
    std::vector<double> right;
    for (int64_t token = position.first_token; token < position.first_token + position.tokens; ++token) {
      auto row = residuals.subspan((token * layers + layer) * size, size);
      right.insert(right.end(), row.begin(), row.end());
    }
    for (const auto& [argument, memory] : written(*position.call)) {
      if (memory != "residual") continue;
      const double error = relative_error(executor.values(argument), right);
      if (!(error <= tolerance)) wrong = wrong_call(position, error);
    }
    return !wrong;
  });
  return wrong;
}

std::optional<WrongCall> first_wrong_call(Executor& executor, Executor& right, const std::string& program,
                                          std::span<const double> input, int64_t count, double tolerance) {
  // What the right calls write, in the order in which they run.
  std::vector<std::vector<double>> rights;
  right.run(program, input, count, Executor::Outputs::all, [&](const Executor::Position& position) {
    for (const auto& [argument, memory] : written(*position.call)) rights.push_back(right.values(argument));
    return true;
  });
  std::optional<WrongCall> wrong;
  size_t next = 0;
  executor.run(program, input, count, Executor::Outputs::all, [&](const Executor::Position& position) {
    for (const auto& [argument, memory] : written(*position.call)) {
      const std::vector<double> values = executor.values(argument);
      if (next == rights.size() || rights[next].size() != values.size()) {
        fail(ExitCode::internal, "the plans differ in call {} ({})", position.index, position.call->about);
      }
      const double error = relative_error(values, rights[next++]);
      if (!(error <= tolerance) && !wrong) wrong = wrong_call(position, error);
    }
    return !wrong;
  });
  return wrong;
}

}  // namespace mambac
