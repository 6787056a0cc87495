// Stage 1: where and how a model runs. Read from a strict JSON file (docs/deployment.schema.json) or from options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mambac {

// Of the matrices; everything else stays f32. No deployment asks for f16: it is bf16 as tensor cores of a GPU take it.
enum class WeightType { f32, bf16, f16 };
std::string name_of(WeightType type);

struct Deployment {
  std::string target = "cpu";
  std::string isa = "native";    // cpu: x86-64-v3 or x86-64-v4; "native" is resolved before anything is planned
  std::string arch = "sm_90a";   // cuda: the GPU's architecture
  int64_t blocks = 0;            // cuda: multiprocessors to plan for; 0: as many as the architecture's usual GPU has
  std::string weights = "auto";  // f32, bf16; "auto": bf16 if the checkpoint's matrices are 16-bit, else f32
  int64_t batch = 1;             // sequences a call works on
  int64_t forward_tokens = 64;   // most tokens of one forward call
  int64_t threads = 1;           // cpu
  std::vector<std::string> programs = {"step", "forward"};  // "train" brings backward and packing with it
  int64_t train_tokens = 32;  // most tokens of one train call
  std::string tape = "small";  // what train keeps for backward: "small" computes more again, "fast" less

  bool trains() const;
};

// Throws Error (ExitCode::input) that names file and field: not JSON, unknown field, wrong type, out of range.
Deployment read_deployment(const std::filesystem::path& path);
Deployment parse_deployment(const std::string& text, const std::string& where);

// The instruction set of this machine by name: the highest of x86-64-v4 and x86-64-v3 that it has.
// Throws Error (ExitCode::environment) if it has neither.
std::string native_isa();

// Throws Error if a value is out of range, unknown or of another target: naming the field of the file `where`
// (ExitCode::input) or, without one, the option of the command line (ExitCode::usage). Called by read_deployment, and
// by commands after options have been applied.
void check(const Deployment& deployment, const std::string& where = "");

// "cpu x86-64-v3, batch 1, 2 threads", "cuda sm_90a, batch 1".
std::string description(const Deployment& deployment);

nlohmann::ordered_json to_json(const Deployment& deployment);

}  // namespace mambac
