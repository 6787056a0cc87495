// The kernels of gradients against finite differences of the kernels that they are gradients of, both in double
// precision: the templates themselves with double for float (tests/BUILD.bazel writes them so), and in_double/ in place
// of the runtime's vectors and polynomials. In f32, finite differences would agree to a few digits alone.
#include "tests/kernels_in_double.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace mambac {
namespace {

using Values = std::vector<double>;

constexpr int lanes = 8, rows = 5, sequences = 2, tokens = 5, steps = sequences * tokens;

// Central differences over four points leave an error of 1e-11. The scan's log2(e) has nine digits, wrong by 6e-10.
constexpr double tolerance = 1e-9, scan_tolerance = 5e-8;

Values random_values(size_t count, double scale = 1) {
  static std::mt19937 random(7);
  std::normal_distribution<double> normal(0, scale);
  Values values(count);
  for (double& value : values) value = normal(random);
  return values;
}

double product(const Values& left, const Values& right) {
  double sum = 0;
  for (size_t index = 0; index < left.size(); ++index) sum += left[index] * right[index];
  return sum;
}

// The relative norm of `gradient` minus the slopes of `loss` in `argument`.
double gradient_error(const Values& gradient, Values& argument, const std::function<double()>& loss) {
  constexpr double distance = 1e-3;
  double difference = 0, norm = 0;
  for (size_t index = 0; index < argument.size(); ++index) {
    const double value = argument[index];
    const auto loss_at = [&](double steps_away) {
      argument[index] = value + steps_away * distance;
      return loss();
    };
    const double slope = (8 * (loss_at(1) - loss_at(-1)) - (loss_at(2) - loss_at(-2))) / (12 * distance);
    argument[index] = value;
    difference += (gradient[index] - slope) * (gradient[index] - slope);
    norm += slope * slope;
  }
  EXPECT_GT(norm, 1e-3) << "the loss does not depend on the argument";
  return std::sqrt(difference / norm);
}

TEST(KernelsInDouble, Project) {
  constexpr int inputs = 13, outputs = 27, panel = 16, padded = 32;  // the last panel is narrower, and not full
  Values matrix = random_values(outputs * inputs), bias = random_values(padded), input = random_values(rows * inputs);
  const Values d_output = random_values(rows * outputs);
  Values packed(inputs * padded);
  const auto pack = [&] {
    pack_matrix<outputs, inputs, 0, padded, padded, panel, false, false, lanes>(matrix.data(), packed.data());
  };
  const auto loss = [&] {
    Values output(rows * outputs);
    pack();
    project<inputs, outputs, inputs, outputs, lanes, panel, 3, double, true, false, 1>(
        packed.data(), bias.data(), input.data(), output.data(), rows, 0);
    return product(output, d_output);
  };
  Values d_input(rows * inputs), d_matrix(outputs * inputs), d_bias(padded);
  pack();
  project_backward<inputs, outputs, outputs, inputs, lanes, panel, 3, false, 1>(packed.data(), d_output.data(),
                                                                                d_input.data(), rows, 0);
  project_gradient<inputs, outputs, inputs, outputs, lanes, 4, 8, 1>(input.data(), d_output.data(), d_matrix.data(),
                                                                     rows, 0);
  sum_rows<outputs, outputs, lanes, 1>(d_output.data(), d_bias.data(), rows, 0);
  EXPECT_LT(gradient_error(d_input, input, loss), tolerance);
  EXPECT_LT(gradient_error(d_matrix, matrix, loss), tolerance);
  EXPECT_LT(gradient_error(d_bias, bias, loss), tolerance);
}

TEST(KernelsInDouble, RmsNorm) {
  constexpr int size = 21;
  Values weight = random_values(size), input = random_values(rows * size);
  const Values d_output = random_values(rows * size);
  const auto loss = [&] {
    Values output(rows * size);
    rms_norm<size, size, size, true, 1>(weight.data(), input.data(), 1e-2, output.data(), rows, 0);
    return product(output, d_output);
  };
  Values d_input(rows * size), scales(rows), d_weight(size);
  rms_norm_backward<size, size, size, size, 1, true, false, 1>(weight.data(), input.data(), d_output.data(), 1e-2,
                                                               d_input.data(), scales.data(), rows, 0);
  rms_norm_gradient<size, size, size, 1, 1>(input.data(), d_output.data(), scales.data(), d_weight.data(), rows, 0);
  EXPECT_LT(gradient_error(d_input, input, loss), tolerance);
  EXPECT_LT(gradient_error(d_weight, weight, loss), tolerance);
}

TEST(KernelsInDouble, LayerNorm) {
  constexpr int size = 21;
  Values weight = random_values(size), bias = random_values(size), input = random_values(rows * size);
  const Values d_output = random_values(rows * size);
  const auto loss = [&] {
    Values output(rows * size);
    layer_norm<size, size, size, 1>(weight.data(), bias.data(), input.data(), 1e-2, output.data(), rows, 0);
    return product(output, d_output);
  };
  Values d_input(rows * size), moments(rows * 2), d_weight(size), d_bias(size);
  layer_norm_backward<size, size, size, size, 2, false, 1>(weight.data(), input.data(), d_output.data(), 1e-2,
                                                           d_input.data(), moments.data(), rows, 0);
  layer_norm_gradient<size, size, size, 2, 1>(input.data(), d_output.data(), moments.data(), d_weight.data(),
                                              d_bias.data(), rows, 0);
  EXPECT_LT(gradient_error(d_input, input, loss), tolerance);
  EXPECT_LT(gradient_error(d_weight, weight, loss), tolerance);
  EXPECT_LT(gradient_error(d_bias, bias, loss), tolerance);
}

TEST(KernelsInDouble, Convolve) {
  constexpr int channels = 16, taps = 4, window_size = (taps - 1) * channels;
  Values matrix = random_values(taps * channels), bias = random_values(channels);  // matrix: [tap][channel]
  Values window = random_values(sequences * window_size), input = random_values(steps * channels);
  const Values d_output = random_values(steps * channels), d_window_after = random_values(sequences * window_size);
  const auto loss = [&] {
    Values after = window, output(steps * channels);
    convolve<channels, taps, channels, channels, window_size, lanes, true, 1>(
        matrix.data(), bias.data(), after.data(), input.data(), output.data(), sequences, tokens, 0);
    return product(output, d_output) + product(after, d_window_after);
  };
  Values d_window = d_window_after, d_input(steps * channels), d_taps(channels * taps), d_bias(channels);
  convolve_backward<channels, channels, taps, channels, channels, channels, window_size, window_size, lanes, true, 1>(
      matrix.data(), bias.data(), window.data(), input.data(), d_output.data(), d_window.data(), d_input.data(),
      d_taps.data(), d_bias.data(), sequences, tokens, 0);
  Values d_matrix(taps * channels);  // the gradient is laid out as the parameter is: [channel][tap]
  for (int tap = 0; tap < taps; ++tap) {
    for (int channel = 0; channel < channels; ++channel)
      d_matrix[tap * channels + channel] = d_taps[channel * taps + tap];
  }
  EXPECT_LT(gradient_error(d_input, input, loss), tolerance);
  EXPECT_LT(gradient_error(d_window, window, loss), tolerance);
  EXPECT_LT(gradient_error(d_matrix, matrix, loss), tolerance);
  EXPECT_LT(gradient_error(d_bias, bias, loss), tolerance);
}

TEST(KernelsInDouble, SelectiveScan) {
  constexpr int channels = 16, states = 6, state_size = states * channels, interval = 3, checkpoints = 2, slices = 2;
  Values log_a = random_values(state_size, 0.3), d = random_values(channels);  // log(-a), [state][channel]
  Values h = random_values(sequences * state_size), delta = random_values(steps * channels);
  Values x = random_values(steps * channels), gate = random_values(steps * channels);
  Values b_c = random_values(steps * 2 * states);  // rows of B, then C
  const Values d_output = random_values(steps * channels), d_h_after = random_values(sequences * state_size);
  Values a(state_size), kept(sequences * checkpoints * state_size), output(steps * channels);
  const auto loss = [&] {
    for (int index = 0; index < state_size; ++index) a[index] = -std::exp(log_a[index]);
    Values after = h;
    selective_scan_keep<channels, states, channels, channels, channels, 2 * states, channels, state_size, interval,
                        checkpoints, lanes, 1>(a.data(), d.data(), after.data(), delta.data(), x.data(), gate.data(),
                                               b_c.data(), b_c.data() + states, output.data(), kept.data(), sequences,
                                               tokens, 0);
    return product(output, d_output) + product(after, d_h_after);
  };
  loss();
  Values d_h = d_h_after, output_again(steps * channels), d_delta(steps * channels), d_x(steps * channels);
  Values d_gate(steps * channels), sums(slices * steps * 2 * states), d_b_c(steps * 2 * states);
  Values d_log_a(channels * states), d_d(channels);
  selective_scan_backward<channels, channels, states, channels, channels, channels, 2 * states, channels, channels,
                          channels, state_size, interval, checkpoints, slices, steps, lanes, 1>(
      a.data(), d.data(), kept.data(), delta.data(), x.data(), gate.data(), b_c.data(), b_c.data() + states,
      d_output.data(), d_h.data(), output_again.data(), d_delta.data(), d_x.data(), d_gate.data(), sums.data(),
      d_log_a.data(), d_d.data(), sequences, tokens, 0);
  sum_slices<2 * states, slices, steps, 2 * states, 1>(sums.data(), d_b_c.data(), steps, 0);
  EXPECT_EQ(output_again, output);
  Values d_log_a_turned(state_size);  // the gradient is laid out as the parameter is: [channel][state]
  for (int n = 0; n < states; ++n) {
    for (int channel = 0; channel < channels; ++channel) {
      d_log_a_turned[n * channels + channel] = d_log_a[channel * states + n];
    }
  }
  EXPECT_LT(gradient_error(d_h, h, loss), scan_tolerance);
  EXPECT_LT(gradient_error(d_delta, delta, loss), scan_tolerance);
  EXPECT_LT(gradient_error(d_x, x, loss), scan_tolerance);
  EXPECT_LT(gradient_error(d_gate, gate, loss), scan_tolerance);
  EXPECT_LT(gradient_error(d_b_c, b_c, loss), scan_tolerance);
  EXPECT_LT(gradient_error(d_log_a_turned, log_a, loss), scan_tolerance);
  EXPECT_LT(gradient_error(d_d, d, loss), scan_tolerance);
}

}  // namespace
}  // namespace mambac
