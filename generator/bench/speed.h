// How long the programs of an artifact take beside what the machine allows at best, in turns (bench/README.md).
#pragma once

#include <nlohmann/json.hpp>

#include "generator/run/host.h"

namespace mambac {

constexpr size_t enough_samples = 10'000;  // for p99.9

// {"programs": [...], "limits": {...}} as bench/README.md describes it. Ends with enough rounds and samples, or after
// `seconds`, but not before a few rounds.
nlohmann::ordered_json measure_speed(const Artifact& artifact, double seconds);

}  // namespace mambac
