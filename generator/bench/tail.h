// The tail of a step's times: what the rarest steps take, beside a loop over registers alone that is as long, which
// shows what the machine does by itself; and what a state of denormals costs.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "generator/run/host.h"

namespace mambac {

// Times in seconds, taken in turn: a step, then the loop.
struct TailTimes {
  std::vector<double> step, registers;
};

// Ends after `calls` steps or after `seconds`, but not before a hundred steps.
TailTimes measure_tail(const Artifact& artifact, size_t calls, double seconds);

// Medians in seconds of steps from a usual state and from the same with a denormal in place of every number, in turn.
struct DenormalTimes {
  double usual = 0, denormal = 0;
};
DenormalTimes measure_denormals(const Artifact& artifact);

}  // namespace mambac
