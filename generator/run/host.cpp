#include "generator/run/host.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

#include "generator/error.h"
#include "generator/file.h"
#include "generator/plan/stored_plan.h"

namespace mambac {
namespace {

using Message = std::array<char, 1024>;

[[noreturn]] void fail_with_status(int status, const std::string& what) {
  const bool machine = status == MAMBAC_WRONG_MACHINE || status == MAMBAC_NO_THREADS ||
                       (status >= MAMBAC_NO_DEVICE && status <= MAMBAC_LAUNCH_FAILED);
  fail(machine ? ExitCode::environment : ExitCode::input, "{}", what);
}

std::shared_ptr<void> load_library(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    fail(ExitCode::input, "{} does not exist: the artifact was generated but not compiled; use mambac build",
         path.string());
  }
  // An absolute path, for dlopen searches for a bare name elsewhere.
  void* library = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fail(ExitCode::input, "{} cannot be loaded: {}; build the artifact again", path.string(), dlerror());
  }
  return {library, dlclose};
}

}  // namespace

Artifact::Artifact(const std::filesystem::path& folder) : folder_(folder), plan_(read_plan(folder)) {
  const std::string name = plan_["name"];
  const std::filesystem::path library = folder / "lib" / ("lib" + name + ".so");
  library_ = load_library(library);
  const std::string symbol = name + "_artifact";
  const auto artifact = reinterpret_cast<const mambac_artifact* (*)()>(dlsym(library_.get(), symbol.c_str()));
  if (artifact == nullptr) fail(ExitCode::input, "{} has no function {}", library.string(), symbol);
  table_ = artifact();
  if (table_->version != MAMBAC_ARTIFACT_VERSION) {
    fail(ExitCode::input, "{} has a table of version {}, this mambac knows version {}; build the artifact again",
         library.string(), table_->version, MAMBAC_ARTIFACT_VERSION);
  }
  if (plan_["hash"] != table_->plan_hash) {
    fail(ExitCode::input, "{} was compiled from another plan than {}; build the artifact again", library.string(),
         (folder / "plan.json").string());
  }
  Message message{};
  const std::string weights = (folder / (name + ".weights")).string();
  if (!is_present(weights)) {
    fail(ExitCode::input, "{} does not exist: the artifact was built without weights; pack a model's: {}", weights,
         pack_command(plan_, folder));
  }
  const int status = table_->weights_open(weights.c_str(), &weights_, message.data(), message.size());
  if (status != MAMBAC_OK) fail_with_status(status, message.data());
}

Artifact::~Artifact() { table_->weights_close(&weights_); }

bool Artifact::has_program(const std::string& name) const {
  const auto& programs = plan_.at("deployment").at("programs");
  return std::find(programs.begin(), programs.end(), name) != programs.end();
}

Session::Session(const Artifact& artifact)
    : artifact_(artifact),
      state_(artifact.table(), artifact.table().state_bytes),
      workspace_memory_(artifact.table(), artifact.table().workspace_bytes) {
  Message message{};
  const int status =
      artifact.table().workspace_open(workspace_memory_.data(), &workspace_, message.data(), message.size());
  if (status != MAMBAC_OK) fail_with_status(status, message.data());
  reset();
}

Session::~Session() { artifact_.table().workspace_close(workspace_); }

template <typename Program>
int Session::run(const void* input, int64_t tokens, std::span<float> output, Program program) {
  const mambac_artifact& table = artifact_.table();
  if (table.device == nullptr) return program(input, output.data());
  const size_t width = table.vocabulary > 0 ? sizeof(int32_t) : table.input_size * sizeof(float);
  const size_t bytes = table.batch * std::max<int64_t>(tokens, 1) * width;
  if (!input_ || input_->bytes() < bytes) input_.emplace(table, bytes);
  if (!output_ || output_->bytes() < output.size_bytes()) output_.emplace(table, output.size_bytes());
  input_->write(input, bytes);
  const int status = program(input_->data(), static_cast<float*>(output_->data()));
  if (status == MAMBAC_OK) output_->read(output.data(), output.size_bytes());
  return status;
}

void Session::check(int status, const char* program) const {
  const mambac_artifact& table = artifact_.table();
  if (status != MAMBAC_OK) {
    fail_with_status(status, fmt::format("{} of {}: {}", program, table.name, table.status_message(status)));
  }
}

void Session::report_missing(const char* program, const char* programs) const {
  fail(ExitCode::input, "{} has no program {}; build it with --programs {}", artifact_.folder().string(), program,
       programs);
}

void Session::step(const void* input, std::span<float> output) {
  const mambac_artifact& table = artifact_.table();
  if (output.size() < static_cast<size_t>(table.batch) * table.output_size) {
    fail(ExitCode::internal, "step of {} needs more room for its output", table.name);
  }
  const int status = run(input, 1, output, [&](const void* from, float* to) {
    return table.step(artifact_.weights(), workspace_, state_.data(), from, to);
  });
  check(status, "step");
}

void Session::forward(const void* input, int32_t count, mambac_outputs outputs, std::span<float> output) {
  const mambac_artifact& table = artifact_.table();
  if (table.forward == nullptr) report_missing("forward", "step,forward");
  const int64_t rows = outputs == MAMBAC_ALL ? count : 1;
  if (static_cast<int64_t>(output.size()) < table.batch * rows * table.output_size) {
    fail(ExitCode::internal, "forward of {} needs more room for its output", table.name);
  }
  const int status = run(input, count, output, [&](const void* from, float* to) {
    return table.forward(artifact_.weights(), workspace_, state_.data(), from, count, outputs, to);
  });
  check(status, "forward");
}

void Session::generate(const ArtifactMemory& token, int64_t position, const mambac_sampling& sampling,
                       ArtifactMemory& marks, int32_t count, int32_t* tokens) {
  const mambac_artifact& table = artifact_.table();
  if (table.generate == nullptr) report_missing("generate", "step,forward,generate");
  const int status = table.generate(artifact_.weights(), workspace_, state_.data(),
                                    static_cast<const int32_t*>(token.data()), position, &sampling,
                                    static_cast<unsigned char*>(marks.data()), count, tokens);
  check(status, "generate");
}

void Session::synchronize() const {
  if (artifact_.table().device != nullptr) check(artifact_.table().device->synchronize(), "work");
}

void Session::train(const mambac_weights& weights, ArtifactMemory& tape, const void* input, int32_t count,
                    std::span<float> output) {
  const mambac_artifact& table = artifact_.table();
  if (table.train == nullptr) report_missing("train", "step,forward,train");
  if (static_cast<int64_t>(output.size()) < int64_t{table.batch} * count * table.output_size ||
      tape.bytes() < table.tape_bytes) {
    fail(ExitCode::internal, "train of {} needs more room for its output or tape", table.name);
  }
  const int status = table.train(&weights, workspace_, state_.data(), tape.data(), input, count, output.data());
  check(status, "train");
}

void Session::backward(const mambac_weights& weights, const ArtifactMemory& tape, std::span<const float> d_outputs,
                       const ArtifactMemory* d_state_out, std::span<float> gradients, ArtifactMemory* d_state_in,
                       std::span<float> d_inputs) {
  const mambac_artifact& table = artifact_.table();
  if (static_cast<int64_t>(gradients.size()) < table.parameters) {
    fail(ExitCode::internal, "backward of {} needs more room for its gradients", table.name);
  }
  const int status = table.backward(
      &weights, workspace_, tape.data(), d_outputs.data(), d_state_out ? d_state_out->data() : nullptr,
      gradients.data(), d_state_in ? d_state_in->data() : nullptr, d_inputs.empty() ? nullptr : d_inputs.data());
  check(status, "backward");
}

void Session::reset() {
  std::vector<std::byte> bytes(state_.bytes());
  artifact_.table().state_reset(bytes.data());
  set_state(bytes);
}

std::vector<std::byte> Session::state() const {
  std::vector<std::byte> bytes(state_.bytes());
  state_.read(bytes.data(), bytes.size());
  return bytes;
}

void Session::set_state(std::span<const std::byte> bytes) { state_.write(bytes.data(), bytes.size()); }

void Session::feed(std::span<const int32_t> tokens, std::span<float> output) {
  const bool has_forward = artifact_.table().forward != nullptr;
  while (!tokens.empty()) {
    const size_t block = has_forward ? std::min<size_t>(tokens.size(), artifact_.table().forward_tokens) : 1;
    if (block == 1) {
      step(tokens.data(), output);
    } else {
      forward(tokens.data(), static_cast<int32_t>(block), MAMBAC_LAST, output);
    }
    tokens = tokens.subspan(block);
  }
}

void Session::save_state(const std::filesystem::path& path, std::span<const int32_t> tokens) const {
  AtomicFile file(path);
  file.write(state());
  file.write(std::as_bytes(tokens));
  file.commit();
}

std::vector<int32_t> Session::load_state(const std::filesystem::path& path) {
  const MappedFile file = map_file(path);
  const mambac_artifact& table = artifact_.table();
  const size_t values = artifact_.plan().at("state_floats").get<size_t>() * table.batch * sizeof(float);
  const size_t header = state_.bytes() - values;  // says whose state it is
  reset();
  if (file.bytes.size() < header || std::memcmp(file.bytes.data(), state().data(), header) != 0) {
    fail(ExitCode::input, "{} is not a state of the model of {} for batch {}", path.string(), table.name, table.batch);
  }
  if (file.bytes.size() < state_.bytes() || (file.bytes.size() - state_.bytes()) % sizeof(int32_t) != 0) {
    fail(ExitCode::input, "{} has {} bytes, a state of {} (batch {}) has {}: truncated, or of another batch",
         path.string(), file.bytes.size(), table.name, table.batch, state_.bytes());
  }
  set_state(file.bytes.first(state_.bytes()));
  std::vector<int32_t> tokens((file.bytes.size() - state_.bytes()) / sizeof(int32_t));
  if (!tokens.empty()) {
    std::memcpy(tokens.data(), file.bytes.data() + state_.bytes(), tokens.size() * sizeof(int32_t));
  }
  if (table.vocabulary > 0 && std::any_of(tokens.begin(), tokens.end(),
                                          [&](int32_t token) { return token < 0 || token >= table.vocabulary; })) {
    fail(ExitCode::input, "{} has tokens outside the vocabulary of {}: damaged, or of another batch", path.string(),
         table.name);
  }
  return tokens;
}

}  // namespace mambac
