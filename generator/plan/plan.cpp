#include "generator/plan/plan.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/SHA256.h>

#include <algorithm>

#include "generator/error.h"
#include "generator/families/families.h"
#include "generator/names.h"
#include "generator/plan/verify_plan.h"
#include "generator/shape.h"
#include "generator/targets/targets.h"
#include "generator/version.h"

namespace mambac {
namespace {

Deployment resolve(Deployment deployment, bool matrices_are_16_bit) {
  check(deployment);
  if (deployment.target == "cpu" && deployment.isa == "native") deployment.isa = native_isa();
  if (deployment.weights == "auto") deployment.weights = matrices_are_16_bit && !deployment.trains() ? "bf16" : "f32";
  return deployment;
}

// States belong to the mathematics; which logits are padding does not change it.
std::string hash_of_mathematics(const ModelConfiguration& model) {
  nlohmann::ordered_json json = to_json(model);
  json.erase("vocabulary_used");
  return sha256(json.dump());
}

}  // namespace

const WorkspaceBuffer& Program::buffer(const std::string& name) const {
  return find_named(buffers, name, "the program has no buffer");
}

const PackedTensor& Plan::weight(const std::string& name) const {
  return find_named(weights, name, "the plan has no weight");
}
const StateTensor& Plan::state_tensor(const std::string& name) const {
  return find_named(state, name, "the plan has no state");
}
const Program& Plan::program(const std::string& name) const {
  return find_named(programs, name, "the plan has no program");
}

int64_t Plan::training_groups() const { return deployment.batch / training.value().sequences; }

bool Plan::has_program(const std::string& name) const {
  return std::any_of(programs.begin(), programs.end(), [&](const Program& one) { return one.name == name; });
}
const TapeTensor& Plan::tape_tensor(const std::string& name) const {
  return find_named(training.value().tape, name, "the tape has no tensor");
}

const Parameter& Plan::parameter(const std::string& name) const {
  return find_named(training.value().parameters, name, "training has no parameter");
}

int64_t floats_of(const StateTensor& tensor) {
  return element_count(std::span(tensor.shape).first(tensor.shape.size() - 1)) * tensor.padded_last;
}

bool is_real_time(const Program& program) { return program.name == "step" || program.name == "forward"; }

std::string sha256(const std::string& text) {
  llvm::SHA256 hash;
  hash.update(text);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

Plan make_plan(const ModelConfiguration& model, const Deployment& deployment, const std::string& name,
               bool matrices_are_16_bit) {
  const Graph graph = make_graph(model);
  Plan plan;
  plan.name = name;
  plan.generator_version = generator_version;
  plan.model = model;
  plan.deployment = resolve(deployment, matrices_are_16_bit);
  plan.weight_type = plan.deployment.weights == "bf16" ? WeightType::bf16 : WeightType::f32;
  plan.checkpoint = graph.checkpoint;
  plan.state = graph.state;
  plan.state_floats = graph.state_floats;
  plan.cost = graph.cost;
  plan.model_hash = hash_of_mathematics(model);
  if (plan.deployment.target == "cpu") {
    plan_for_cpu(graph, plan);
  } else {
    plan_for_cuda(graph, plan);
  }
  plan.cost.weight_bytes = plan.weight_bytes;
  plan.hash = sha256(to_json(plan).dump());
  verify_plan(plan);
  return plan;
}

}  // namespace mambac
