#include "generator/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "generator/error.h"
#include "generator/text/random.h"
#include "runtime/learning_rate.h"
#include "runtime/tape_header.h"

namespace mambac {
namespace {

constexpr float beta1 = 0.9f, beta2 = 0.95f, epsilon = 1e-8f;

void check_status(int status, const mambac_artifact& table) {
  if (status != MAMBAC_OK) fail(ExitCode::internal, "training of {}: {}", table.name, table.status_message(status));
}

}  // namespace

Trainer::Trainer(const Artifact& artifact, const TrainingRecipe& recipe, const TrainingData& data)
    : artifact_(artifact),
      table_(artifact.table()),
      recipe_(recipe),
      data_(data),
      session_(artifact),
      packed_(table_, table_.weights_bytes),
      tape_(table_, table_.tape_bytes),
      outputs_(int64_t{table_.batch} * table_.train_tokens * table_.output_size),
      gradients_(table_.parameters) {
  if (data.length() <= table_.train_tokens) {
    fail(ExitCode::input, "there are {} {} to train on; a window of --tokens {} needs at least {}", data.length(),
         data.width == 0 ? "tokens" : "rows", table_.train_tokens, table_.train_tokens + 1);
  }
}

double Trainer::forward(const Windows& windows) {
  session_.reset();
  session_.train(weights_, tape_, windows.input(), table_.train_tokens, outputs_);
  double loss = 0;
  const int64_t rows = int64_t{table_.batch} * table_.train_tokens;
  if (data_.width == 0) {
    check_status(table_.cross_entropy(outputs_.data(), windows.target_tokens.data(), rows, ignored_target, &loss),
                 table_);
  } else {
    check_status(
        table_.mean_square_error(outputs_.data(), windows.target_values.data(), rows * table_.output_size, &loss),
        table_);
  }
  return loss;
}

double Trainer::step(TrainingState& state) {
  std::vector<int64_t> firsts;
  const auto places = static_cast<uint64_t>(data_.length() - table_.train_tokens);
  for (int64_t sequence = 0; sequence < table_.batch; ++sequence) {
    firsts.push_back(static_cast<int64_t>(random_bits(recipe_.seed, state.steps * table_.batch + sequence) % places));
  }
  check_status(table_.weights_pack(state.parameters.data(), packed_.data(), &weights_), table_);
  const double loss = forward(windows_of(data_, firsts, table_.train_tokens));
  if (!std::isfinite(loss)) report_not_finite(state.steps, loss);
  std::fill(gradients_.begin(), gradients_.end(), 0.0f);
  session_.backward(weights_, tape_, outputs_, nullptr, gradients_, nullptr, {});
  const double norm = table_.clip_gradients(gradients_.data(), recipe_.most_norm);
  if (!std::isfinite(norm)) {
    fail(ExitCode::difference, "step {}: the loss is {:.4f}, but its gradient is not finite; lower --learning-rate",
         state.steps, loss);
  }
  const double rate = mambac_runtime::learning_rate(state.steps, recipe_.steps, recipe_.warm_up, recipe_.learning_rate,
                                                    recipe_.least_rate);
  table_.adamw(state.parameters.data(), gradients_.data(), state.first_moments.data(), state.second_moments.data(),
               state.steps + 1, static_cast<float>(rate), beta1, beta2, epsilon,
               static_cast<float>(recipe_.weight_decay));
  ++state.steps;
  return loss;
}

double Trainer::validate(const TrainingState& state, const TrainingData& data) {
  check_status(table_.weights_pack(state.parameters.data(), packed_.data(), &weights_), table_);
  const int64_t tokens = table_.train_tokens, windows = (data.length() - 1) / tokens;
  double sum = 0;
  for (int64_t window = 0; window < windows; window += table_.batch) {
    std::vector<int64_t> firsts;
    const int64_t full = std::min<int64_t>(table_.batch, windows - window);
    for (int64_t sequence = 0; sequence < table_.batch; ++sequence) {
      // What is left of the batch repeats its last window, or is ignored.
      const int64_t last = data.width == 0 ? -1 : (window + full - 1) * tokens;
      firsts.push_back(sequence < full ? (window + sequence) * tokens : last);
    }
    sum += forward(windows_of(data, firsts, tokens)) * static_cast<double>(full);
  }
  return windows == 0 ? std::nan("") : sum / static_cast<double>(windows);
}

// The tape keeps what every layer read.
void Trainer::report_not_finite(int64_t step, double loss) const {
  const float* kept = mambac_runtime::values_of_tape(tape_.data());
  const nlohmann::ordered_json& training = artifact_.plan().at("training");
  const int64_t rows = int64_t{table_.batch} * table_.train_tokens;
  const int64_t rows_together = training.at("sequences").get<int64_t>() * table_.train_tokens;
  for (const auto& tensor : training.at("tape")) {
    const std::string name = tensor.at("name");
    if (!name.ends_with(".residual")) continue;
    const int64_t stride = tensor.at("row_stride"), size = artifact_.plan().at("model").at("model_size");
    for (int64_t row = 0; row < rows; ++row) {
      const float* values = kept + row / rows_together * training.at("tape_floats").get<int64_t>() +
                            tensor.at("offset").get<int64_t>() + row % rows_together * stride;
      if (std::all_of(values, values + size, [](float value) { return std::isfinite(value); })) continue;
      const std::string group = name.substr(0, name.size() - std::string(".residual").size());
      const std::string before = group == "layers.0"  ? "the embedding"
                                 : group == "outputs" ? "the last layer"
                                                      : fmt::format("layer {}", std::stoll(group.substr(7)) - 1);
      fail(ExitCode::difference,
           "step {}: the loss is {}; in sequence {} of the batch, at token {}, the output of {} is the first that is "
           "not finite; lower --learning-rate; what was saved before is as it was",
           step, loss, row / table_.train_tokens, row % table_.train_tokens, before);
    }
  }
  fail(ExitCode::difference,
       "step {}: the loss is {}, though every layer's output is finite: the head's is not; lower --learning-rate; "
       "what was saved before is as it was",
       step, loss);
}

}  // namespace mambac
