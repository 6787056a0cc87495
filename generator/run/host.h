// Loading and running any artifact folder from the `mambac` command: text, evaluate, compare, bench.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generator/run/artifact_memory.h"
#include "runtime/mambac.h"

namespace mambac {

// An artifact folder: lib/libNAME.so loaded, plan.json read, NAME.weights opened. Throws Error that says what is
// missing or wrong and how to mend it (not an artifact folder, never compiled, wrong instruction set, damaged weights).
class Artifact {
 public:
  explicit Artifact(const std::filesystem::path& folder);
  ~Artifact();
  Artifact(const Artifact&) = delete;
  Artifact& operator=(const Artifact&) = delete;

  bool has_program(const std::string& name) const;  // "step", "forward"
  const mambac_artifact& table() const { return *table_; }
  const nlohmann::ordered_json& plan() const { return plan_; }  // plan.json
  const std::filesystem::path& folder() const { return folder_; }
  const mambac_weights* weights() const { return &weights_; }

 private:
  std::filesystem::path folder_;
  nlohmann::ordered_json plan_;
  std::shared_ptr<void> library_;
  const mambac_artifact* table_ = nullptr;
  mambac_weights weights_{};
};

// The shape of a parameter.
inline std::span<const int64_t> shape_of(const mambac_parameter& parameter) {
  return {parameter.shape, static_cast<size_t>(parameter.dimensions)};
}

// A workspace and a state: one conversation (of `batch` sequences) with an artifact. Statuses become Errors.
class Session {
 public:
  explicit Session(const Artifact& artifact);  // state is reset
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Input: tokens (batch) or (batch, count); or floats (…, input_size). Output: as in runtime/mambac.h.
  void step(const void* input, std::span<float> output);
  void forward(const void* input, int32_t count, mambac_outputs outputs, std::span<float> output);
  void reset();

  // Training. `tape`: tape_bytes, aligned as the artifact asks for. `d_state_out` and `d_state_in`: state_bytes, or
  // empty. Shapes as in the artifact's header.
  void train(const mambac_weights& weights, ArtifactMemory& tape, const void* input, int32_t count,
             std::span<float> output);
  void backward(const mambac_weights& weights, const ArtifactMemory& tape, std::span<const float> d_outputs,
                const ArtifactMemory* d_state_out, std::span<float> gradients, ArtifactMemory* d_state_in,
                std::span<float> d_inputs);

  // Any number of tokens of one sequence (batch 1), at least one: by `forward` in blocks, or by `step` where the
  // artifact has no `forward`, and where one token is left. `output` is that of the last token.
  void feed(std::span<const int32_t> tokens, std::span<float> output);

  // Lets a text go on by itself on the artifact's device; returns at once, and `synchronize` waits. All memory is the
  // device's but `tokens`, a SharedMemory. The text's last `token`, marks and tokens: as NAME_generate says.
  void generate(const ArtifactMemory& token, int64_t position, const mambac_sampling& sampling, ArtifactMemory& marks,
                int32_t count, int32_t* tokens);
  void synchronize() const;

  // state_bytes bytes, plain: the same on every target.
  std::vector<std::byte> state() const;
  void set_state(std::span<const std::byte> bytes);

  // A file of the state's bytes. After them come the `tokens` of a text, so that it can go on exactly; a file without
  // them is a state all the same. load_state returns them, and refuses a state of another model or batch by name.
  void save_state(const std::filesystem::path& path, std::span<const int32_t> tokens = {}) const;
  std::vector<int32_t> load_state(const std::filesystem::path& path);

 private:
  // Runs `program` on copies of input and output in the device's memory, if there is one.
  template <typename Program>
  int run(const void* input, int64_t tokens, std::span<float> output, Program program);

  void check(int status, const char* program) const;  // an Error unless it is MAMBAC_OK
  [[noreturn]] void report_missing(const char* program, const char* programs) const;

  const Artifact& artifact_;
  ArtifactMemory state_, workspace_memory_;
  std::optional<ArtifactMemory> input_, output_;  // of a device
  mambac_workspace* workspace_ = nullptr;
};

}  // namespace mambac
