#include "generator/configuration/deployment.h"

#include <algorithm>

#include "generator/configuration/configuration_reader.h"
#include "generator/configuration/cuda_architecture.h"
#include "generator/configuration/json_text.h"
#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

// docs/deployment.schema.json says the same; a test holds the two together.
const std::vector<std::string> targets = {"cpu", "cuda"};
const std::vector<std::string> instruction_sets = {"native", "x86-64-v3", "x86-64-v4"};
const std::vector<std::string> architectures = [] {
  std::vector<std::string> names;
  for (const CudaArchitecture& architecture : cuda_architectures) names.emplace_back(architecture.name);
  return names;
}();
const std::vector<std::string> weight_types = {"auto", "f32", "bf16"};
const std::vector<std::string> programs = {"step", "forward", "steps", "generate", "train"};
const std::vector<std::string> programs_of_cuda_alone = {"steps", "generate"};
const std::vector<std::string> tapes = {"small", "fast"};
constexpr Range<int64_t> batches{1, 4096};
constexpr Range<int64_t> forward_token_counts{1, 65536};
constexpr Range<int64_t> thread_counts{1, 256};
constexpr Range<int64_t> block_counts{0, 1024};
constexpr Range<int64_t> train_token_counts{1, 65536};

// Names the field of the file `where`, or the option of the command line if there is none.
template <typename... Arguments>
[[noreturn]] void refuse(const std::string& where, std::string field, fmt::format_string<Arguments...> sentence,
                         Arguments&&... arguments) {
  const std::string text = fmt::format(sentence, std::forward<Arguments>(arguments)...);
  if (!where.empty()) fail(ExitCode::input, "{}: field \"{}\" {}", where, field, text);
  std::ranges::replace(field, '_', '-');
  fail(ExitCode::usage, "--{} {}", field, text);
}

void check_choice(const std::string& where, const std::string& field, const std::string& value,
                  const std::vector<std::string>& choices) {
  if (std::ranges::count(choices, value) > 0) return;
  refuse(where, field, "is \"{}\", must be one of: {}", value, fmt::join(choices, ", "));
}

// A field of another target would be ignored, and whoever set it misled.
void check_is_default(const std::string& where, const Deployment& deployment, const std::string& field,
                      bool is_default) {
  if (is_default) return;
  refuse(where, field, "does not belong to target {}; leave it out", deployment.target);
}

void check_range(const std::string& where, const std::string& field, int64_t value, Range<int64_t> range) {
  if (value >= range.least && value <= range.most) return;
  refuse(where, field, "is {}, must be {} to {}", value, range.least, range.most);
}

}  // namespace

void check(const Deployment& deployment, const std::string& where) {
  check_choice(where, "target", deployment.target, targets);
  check_choice(where, "isa", deployment.isa, instruction_sets);
  check_choice(where, "arch", deployment.arch, architectures);
  check_choice(where, "weights", deployment.weights, weight_types);
  check_range(where, "batch", deployment.batch, batches);
  check_range(where, "forward_tokens", deployment.forward_tokens, forward_token_counts);
  check_range(where, "threads", deployment.threads, thread_counts);
  check_range(where, "blocks", deployment.blocks, block_counts);
  const Deployment defaults;
  if (deployment.target == "cpu") {
    for (const std::string& program : programs_of_cuda_alone) {
      if (std::ranges::count(deployment.programs, program) == 0) continue;
      refuse(where, "programs", "names {}, which target cpu does not have; leave it out", program);
    }
    check_is_default(where, deployment, "arch", deployment.arch == defaults.arch);
    check_is_default(where, deployment, "blocks", deployment.blocks == defaults.blocks);
  } else {
    check_is_default(where, deployment, "isa", deployment.isa == defaults.isa);
    check_is_default(where, deployment, "threads", deployment.threads == defaults.threads);
  }
  for (const std::string& program : deployment.programs) {
    check_choice(where, "programs", program, programs);
    if (std::ranges::count(deployment.programs, program) > 1) {
      refuse(where, "programs", "names {} twice", program);
    }
  }
  if (std::ranges::count(deployment.programs, "step") == 0) {
    refuse(where, "programs", "lacks step, which every library has; add it");
  }
  check_range(where, "train_tokens", deployment.train_tokens, train_token_counts);
  check_choice(where, "tape", deployment.tape, tapes);
  if (!deployment.trains()) {
    for (const auto& [name, is_default] : {std::pair("train_tokens", deployment.train_tokens == defaults.train_tokens),
                                           std::pair("tape", deployment.tape == defaults.tape)}) {
      if (!is_default) refuse(where, name, "says nothing without the program train; leave it out");
    }
  }
  if (deployment.trains() && deployment.weights == "bf16") {
    refuse(where, "weights", "is bf16, but the program train needs f32");
  }
  if (deployment.trains() && deployment.target != "cpu") {
    refuse(where, "programs", "names train, which target {} does not have yet; leave it out", deployment.target);
  }
}

Deployment parse_deployment(const std::string& text, const std::string& where) {
  const nlohmann::json document = parse_json(text, where);
  ConfigurationReader reader(document, where);
  for (const auto& [name, value] : document.items()) {
    if (value.is_null()) reader.refuse(name, "is null: leave it out to take the default");
  }
  Deployment deployment;
  deployment.target = reader.text("target", deployment.target);
  deployment.isa = reader.text("isa", deployment.isa);
  deployment.arch = reader.text("arch", deployment.arch);
  deployment.blocks = reader.integer("blocks", block_counts, deployment.blocks);
  deployment.weights = reader.text("weights", deployment.weights);
  deployment.batch = reader.integer("batch", batches, deployment.batch);
  deployment.forward_tokens = reader.integer("forward_tokens", forward_token_counts, deployment.forward_tokens);
  deployment.threads = reader.integer("threads", thread_counts, deployment.threads);
  deployment.programs = reader.texts("programs", deployment.programs);
  deployment.train_tokens = reader.integer("train_tokens", train_token_counts, deployment.train_tokens);
  deployment.tape = reader.text("tape", deployment.tape);
  for (const std::string& name : reader.unread()) {
    reader.refuse(
        name,
        "is unknown; known are: target, isa, arch, weights, batch, forward_tokens, threads, blocks, programs, "
        "train_tokens, tape");
  }
  check(deployment, where);
  return deployment;
}

Deployment read_deployment(const std::filesystem::path& path) {
  return parse_deployment(read_text(path), path.string());
}

std::string native_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
#endif
  fail(ExitCode::environment,
       "this machine has neither x86-64-v4 (AVX-512) nor x86-64-v3 (AVX2): name the target's instruction set with "
       "--isa and build for another machine");
}

std::string name_of(WeightType type) {
  return type == WeightType::f32 ? "f32" : type == WeightType::bf16 ? "bf16" : "f16";
}

std::string description(const Deployment& deployment) {
  if (deployment.target == "cuda") return fmt::format("cuda {}, batch {}", deployment.arch, deployment.batch);
  return fmt::format("{} {}, batch {}, {} thread{}", deployment.target, deployment.isa, deployment.batch,
                     deployment.threads, deployment.threads == 1 ? "" : "s");
}

bool Deployment::trains() const { return std::ranges::count(programs, "train") > 0; }

nlohmann::ordered_json to_json(const Deployment& deployment) {
  if (deployment.target == "cuda") {
    return {{"target", deployment.target},    {"arch", deployment.arch},
            {"weights", deployment.weights},  {"batch", deployment.batch},
            {"blocks", deployment.blocks},    {"forward_tokens", deployment.forward_tokens},
            {"programs", deployment.programs}};
  }
  nlohmann::ordered_json json = {{"target", deployment.target},
                                 {"isa", deployment.isa},
                                 {"weights", deployment.weights},
                                 {"batch", deployment.batch},
                                 {"forward_tokens", deployment.forward_tokens},
                                 {"threads", deployment.threads},
                                 {"programs", deployment.programs}};
  if (deployment.trains()) {
    json["train_tokens"] = deployment.train_tokens;
    json["tape"] = deployment.tape;
  }
  return json;
}

}  // namespace mambac
