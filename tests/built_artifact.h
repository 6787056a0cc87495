// Artifacts that tests build and run, each built once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "generator/build/build_artifact.h"
#include "generator/run/host.h"
#include "tests/command.h"

namespace mambac {

// A request for a model of tests/goldens or configs/ (the folder that holds its weights).
BuildRequest request_for(const std::string& model);

// The artifact of a request, built at its first use in this process; `with` says how, for the folder's name.
const Artifact& built_artifact(const BuildRequest& request);

// Compiles and runs a program that links static libraries; returns its output. A failure is a test failure.
std::string run_program_with(const std::filesystem::path& source, const std::vector<std::filesystem::path>& artifacts,
                             const std::string& arguments);

}  // namespace mambac
