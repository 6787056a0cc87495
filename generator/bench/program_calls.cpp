#include "generator/bench/program_calls.h"

#include "generator/text/random.h"

namespace mambac {
namespace {

constexpr size_t inputs = 256;  // different ones, that calls take in turn
constexpr uint64_t seed = 1;

}  // namespace

ProgramCalls::ProgramCalls(const Artifact& artifact, std::string name, int32_t tokens)
    : table_(artifact.table()),
      name_(std::move(name)),
      tokens_(tokens),
      session_(artifact),
      stride_(static_cast<size_t>(artifact.table().batch) * tokens * std::max(artifact.table().input_size, 1)),
      output_(static_cast<size_t>(artifact.table().batch) * artifact.table().output_size),
      work_(work_of(artifact.plan().at("cost"), artifact.table().batch, tokens, 1)) {
  if (name_ == "train") {
    tape_.emplace(table_, table_.tape_bytes);
    packed_.emplace(table_, table_.weights_bytes);
    parameters_.emplace(table_, table_.parameters * sizeof(float));
    gradients_.emplace(table_, table_.parameters * sizeof(float));
    table_.weights_unpack(artifact.weights(), parameters_->floats().data());
    output_.resize(static_cast<size_t>(table_.batch) * tokens * table_.output_size);
    for (size_t i = 0; i < output_.size(); ++i) {
      d_outputs_.push_back(static_cast<float>(2 * random_uniform(seed, i) - 1) * 1e-3f);
    }
    work_ = training_work_of(artifact.plan().at("cost"), table_.batch, tokens, table_.parameters);
  }
  if (artifact.table().vocabulary > 0) {
    const auto real = artifact.plan().at("model").at("vocabulary_used").get<uint64_t>();
    token_inputs_.resize(inputs * stride_);
    for (size_t i = 0; i < token_inputs_.size(); ++i) {
      token_inputs_[i] = static_cast<int32_t>(random_bits(seed, i) % real);
    }
  } else {
    value_inputs_.resize(inputs * stride_);
    for (size_t i = 0; i < value_inputs_.size(); ++i) {
      value_inputs_[i] = static_cast<float>(2 * random_uniform(seed, i) - 1);
    }
  }
}

void ProgramCalls::train(const void* input) {
  mambac_weights weights{};
  table_.weights_pack(parameters_->floats().data(), packed_->data(), &weights);
  session_.reset();
  session_.train(weights, *tape_, input, tokens_, output_);
  session_.backward(weights, *tape_, d_outputs_, nullptr, gradients_->floats(), nullptr, {});
}

const void* ProgramCalls::next_input() {
  const size_t first = calls_++ % inputs * stride_;
  return token_inputs_.empty() ? static_cast<const void*>(&value_inputs_[first]) : &token_inputs_[first];
}

void ProgramCalls::call() {
  const void* input = next_input();
  if (name_ == "step") {
    session_.step(input, output_);
  } else if (name_ == "train") {
    train(input);
  } else {
    session_.forward(input, tokens_, MAMBAC_LAST, output_);
  }
}

}  // namespace mambac
