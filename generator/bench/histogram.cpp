#include "generator/bench/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mambac {
namespace {

constexpr size_t buckets = 28;
constexpr double least_factor = 1.02;

}  // namespace

Histogram::Histogram(const std::vector<std::pair<std::string, std::vector<double>>>& named_times) {
  double least = INFINITY, most = 0;
  for (const auto& [name, times] : named_times) {
    const auto [low, high] = std::minmax_element(times.begin(), times.end());
    least = std::min(least, *low);
    most = std::max(most, *high);
  }
  least_ = 1e6 * std::max(least, 1e-9);
  factor_ = std::max(least_factor, std::pow(1e6 * most / least_, 1.0 / buckets));
  for (const auto& [name, times] : named_times) {
    Series& series = series_.emplace_back(Series{name, std::vector<int64_t>(buckets)});
    for (const double time : times) {
      const double bucket = std::log(std::max(1e6 * time / least_, 1.0)) / std::log(factor_);
      ++series.counts[std::min(static_cast<size_t>(bucket), buckets - 1)];
    }
  }
}

double Histogram::bucket_start(size_t bucket) const { return least_ * std::pow(factor_, static_cast<double>(bucket)); }

std::string Histogram::text() const {
  constexpr int characters_a_decade = 4;
  std::string text = fmt::format("{:>12} ", "from us");
  for (const Series& series : series_) text += fmt::format(" {:>9}  {:<28}", series.name, "");
  text.erase(text.find_last_not_of(' ') + 1);
  size_t last = 0;
  for (const Series& series : series_) {
    for (size_t bucket = 0; bucket < buckets; ++bucket) {
      if (series.counts[bucket] > 0) last = std::max(last, bucket);
    }
  }
  for (size_t bucket = 0; bucket <= last; ++bucket) {
    std::string line = fmt::format("\n{:>12.2f} ", bucket_start(bucket));
    for (const Series& series : series_) {
      const int64_t count = series.counts[bucket];
      const double length = count == 0 ? 0 : 1 + characters_a_decade * std::log10(static_cast<double>(count));
      line += fmt::format(" {:>9}  {:<28}", count, std::string(static_cast<size_t>(length), '#'));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line;
  }
  return text + "\n";
}

std::string Histogram::svg(const std::string& title) const {
  constexpr double width = 720, height = 320, left = 60, right = 20, top = 40, bottom = 50;
  constexpr const char* colors[] = {"#1f6f8b", "#e08e45"};
  int64_t most = 1;
  for (const Series& series : series_)
    most = std::max(most, *std::max_element(series.counts.begin(), series.counts.end()));
  const double decades = std::ceil(std::log10(static_cast<double>(most) + 1));
  const double span = buckets * std::log(factor_);
  const auto x = [&](double microseconds) {
    return left + (width - left - right) * std::log(microseconds / least_) / span;
  };
  // Nothing lies on the axis, one call above it.
  const auto y = [&](double count) {
    const double share = count < 1 ? 0 : (std::log10(count) + 0.5) / (decades + 0.5);
    return height - bottom - (height - top - bottom) * share;
  };

  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"22\" font-size=\"14\">{3}</text>\n",
      width, height, left, title);
  for (int decade = 0; decade <= decades; ++decade) {
    const double at = y(std::pow(10, decade));
    text += fmt::format("<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#dddddd\"/>\n", left, at,
                        width - right, at);
    text += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.0f}</text>\n", left - 6, at + 4,
                        std::pow(10, decade));
  }
  for (size_t bucket = 0; bucket <= buckets; bucket += 4) {
    text += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}</text>\n", x(bucket_start(bucket)),
                        height - bottom + 18, bucket_start(bucket));
  }
  text += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">time of a call, microseconds</text>\n",
                      (left + width - right) / 2, height - 10);
  for (size_t index = 0; index < series_.size(); ++index) {
    const char* color = colors[index % std::size(colors)];
    std::string points = fmt::format("{:.1f},{:.1f}", x(least_), y(0));
    for (size_t bucket = 0; bucket < buckets; ++bucket) {
      const double at = y(static_cast<double>(series_[index].counts[bucket]));
      points +=
          fmt::format(" {:.1f},{:.1f} {:.1f},{:.1f}", x(bucket_start(bucket)), at, x(bucket_start(bucket + 1)), at);
    }
    text += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", points, color);
    text += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", width - right,
                        top + 16 * static_cast<double>(index), color, series_[index].name);
  }
  return text + "</svg>\n";
}

}  // namespace mambac
