// What `build`, `generate` and `inspect` share: a model's folder and options become a plan.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "generator/checkpoint/checkpoint.h"
#include "generator/plan/plan.h"

namespace mambac {

// The options as given; an option that was not given leaves the deployment file's value or the default.
struct BuildRequest {
  std::string model;       // folder or configuration file
  std::string name;        // empty: from the folder's name
  std::string deployment;  // file; empty: defaults
  std::optional<std::string> target, isa, arch, weights, programs, tape;
  std::optional<int64_t> batch, forward_tokens, threads, blocks, train_tokens;
};

// Adds MODEL and the deployment's options to a command.
void add_build_options(CLI::App& command, BuildRequest& request);

// A plan and, if the model's folder has weights, the checked checkpoint. Warnings have been printed on stderr.
struct PlannedModel {
  Plan plan;
  std::optional<Checkpoint> checkpoint;
};
PlannedModel plan_model(const BuildRequest& request);

}  // namespace mambac
