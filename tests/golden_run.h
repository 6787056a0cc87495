// Golden cases on the reference executor: its answers under the golden's names and in the golden's layout.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/golden_case.h"
#include "tests/reference_executor.h"

namespace mambac {

// Sets a sequence's state to the golden's, before its first token; zero if the golden has none.
void set_golden_state(Executor& executor, const GoldenCase& golden, int64_t sequence = 0);

// A sequence's state as the golden holds it: "conv_state_out.0" and so on.
std::map<std::string, std::vector<double>> golden_states(const Executor& executor, int64_t sequence = 0);

// Runs the case at batch 1 from its initial state: "outputs" and the states after the last token.
std::map<std::string, std::vector<double>> run_golden(Executor& executor, const GoldenCase& golden,
                                                      const std::string& program);

}  // namespace mambac
