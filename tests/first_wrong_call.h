// Where a plan first computes something wrong, found by running it in double precision.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tests/reference_executor.h"

namespace mambac {

struct WrongCall {
  Executor::Position position;
  double error = 0;      // norm of the difference over the norm of what is right
  std::string sentence;  // "call 12, layer 0 (out_proj ...) by `project`, block of tokens 0 to 7: error 0.3"
};

// The first call after which the residual stream (the workspace buffer of that name) differs from a golden's
// `residuals` (count, layers, model size): the wrong one is in its layer, at it or before it. Batch 1, from the
// executor's current state.
std::optional<WrongCall> first_wrong_layer(Executor& executor, const std::string& program,
                                           std::span<const double> input, int64_t count,
                                           std::span<const double> residuals, double tolerance);

// The first call that writes other values than the same call of `right`, an executor of another plan of the same calls
// (of other packing or weight type, or before a change). Throws Error (ExitCode::internal) if the calls differ.
std::optional<WrongCall> first_wrong_call(Executor& executor, Executor& right, const std::string& program,
                                          std::span<const double> input, int64_t count, double tolerance);

}  // namespace mambac
