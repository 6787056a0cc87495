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
      inputs_(random_inputs(artifact, inputs * stride_, seed)),
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
}

void ProgramCalls::train(const void* input) {
  mambac_weights weights{};
  table_.weights_pack(parameters_->floats().data(), packed_->data(), &weights);
  session_.reset();
  session_.train(weights, *tape_, input, tokens_, output_);
  session_.backward(weights, *tape_, d_outputs_, nullptr, gradients_->floats(), nullptr, {});
}

const void* ProgramCalls::next_input() { return inputs_.from(calls_++ % inputs * stride_); }

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
