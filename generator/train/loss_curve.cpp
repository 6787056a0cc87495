#include "generator/train/loss_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

constexpr const char* heading = "step,loss,validation";
constexpr double width = 720, height = 400, left = 60, right = 20, top = 20, bottom = 44;

// About `count` round numbers between `least` and `most`.
std::vector<double> ticks(double least, double most, int count) {
  const double rough = std::max(most - least, 1e-12) / count, power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {2.0, 5.0, 10.0}) {
    if (step < rough) step = power * factor;
  }
  std::vector<double> result;
  for (double tick = std::ceil(least / step) * step; tick <= most + 1e-9 * step; tick += step) result.push_back(tick);
  return result;
}

}  // namespace

std::string loss_csv(const std::vector<LossPoint>& points) {
  std::string text = std::string(heading) + "\n";
  for (const LossPoint& point : points) {
    text += fmt::format("{},{:.17g},{}\n", point.step, point.loss, point.validation ? 1 : 0);
  }
  return text;
}

std::vector<LossPoint> read_loss_csv(const std::filesystem::path& path) {
  std::istringstream text(read_text(path));
  std::string line;
  std::getline(text, line);
  std::vector<LossPoint> points;
  for (int64_t number = 2; std::getline(text, line); ++number) {
    LossPoint point;
    char comma = 0, second = 0;
    std::istringstream fields(line);
    if (!(fields >> point.step >> comma >> point.loss >> second >> point.validation)) {
      fail(ExitCode::input, "{}:{}: is not a line of {}", path.string(), number, heading);
    }
    points.push_back(point);
  }
  return points;
}

std::string loss_svg(const std::vector<LossPoint>& points) {
  double least = INFINITY, most = -INFINITY;
  int64_t last = 1;
  for (const LossPoint& point : points) {
    least = std::min(least, point.loss), most = std::max(most, point.loss);
    last = std::max(last, point.step);
  }
  if (points.empty()) least = 0, most = 1;
  if (most - least < 1e-9) most = least + 1;
  const auto x = [&](double step) { return left + step / static_cast<double>(last) * (width - left - right); };
  const auto y = [&](double loss) { return top + (most - loss) / (most - least) * (height - top - bottom); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      width, height);
  for (const double tick : ticks(least, most, 6)) {
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>\n"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:g}</text>\n",
        left, width - right, y(tick), left - 6, y(tick) + 4, tick);
  }
  for (const double tick : ticks(0, static_cast<double>(last), 8)) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n", x(tick),
                       height - bottom + 18, tick);
  }
  svg += fmt::format("<text x=\"{:.0f}\" y=\"{}\" text-anchor=\"middle\">step</text>\n", (left + width - right) / 2,
                     height - 8);
  std::string line, dots;
  for (const LossPoint& point : points) {
    const std::string at = fmt::format("{:.1f},{:.1f}", x(static_cast<double>(point.step)), y(point.loss));
    if (point.validation) {
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"#c33\"/>\n",
                          x(static_cast<double>(point.step)), y(point.loss));
    } else {
      line += (line.empty() ? "" : " ") + at;
    }
  }
  svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"#36c\" stroke-width=\"1.2\"/>\n", line) + dots;
  svg += fmt::format(
      "<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\" fill=\"#36c\">training loss</text>\n"
      "<text x=\"{0}\" y=\"{2}\" text-anchor=\"end\" fill=\"#c33\">validation loss</text>\n</svg>\n",
      width - right - 8, top + 16, top + 34);
  return svg;
}

}  // namespace mambac
