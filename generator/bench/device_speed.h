// How long the programs of a GPU's artifact take beside what the GPU allows at best (bench/README.md).
#pragma once

#include <nlohmann/json.hpp>

#include "generator/run/host.h"

namespace mambac {

// {"programs": [...], "limits": {...}} as bench/README.md describes it; every program has `seconds` of time.
nlohmann::ordered_json measure_device_speed(const Artifact& artifact, double seconds);

}  // namespace mambac
