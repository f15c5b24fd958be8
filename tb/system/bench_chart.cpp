// SPDX-License-Identifier: Apache-2.0
// SVG by hand: axes, grid, lines, markers, legend.
#include "system/bench_chart.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "common/error.hpp"

namespace siov::system {
namespace {

constexpr double kWidth = 860, kHeight = 460;
constexpr double kLeft = 70, kRight = 650, kTop = 44, kBottom = 400;
constexpr std::array<const char*, 6> kColours = {"#1b6ca8", "#c8553d", "#3a7d44",
                                                 "#7a4b94", "#b8860b", "#444444"};

/// A logarithmic axis from value range to pixel range.
struct Axis {
  double low = 1, high = 10;  ///< values
  double from = 0, to = 1;    ///< [pixels]
  double at(double value) const {
    return from + (to - from) * std::log(value / low) / std::log(high / low);
  }
};

template <class Function>
void each_point(const Chart& chart, Function function) {
  for (const ChartSeries& s : chart.series) {
    for (const ChartPoint& p : s.measured) function(p);
    for (const ChartPoint& p : s.limit) function(p);
  }
}

/// 1, 2 and 5 times powers of ten, or powers of two, inside the range.
std::vector<double> ticks(double low, double high, bool binary) {
  std::vector<double> out;
  const double base = binary ? 2 : 10;
  const double start = std::pow(base, std::floor(std::log(low) / std::log(base)));
  for (double decade = start; decade <= high * 1.0001; decade *= base) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (binary && step > 1) continue;
      const double tick = decade * step;
      if (tick >= low * 0.9999 && tick <= high * 1.0001) out.push_back(tick);
    }
  }
  return out;
}

std::string label(double value, bool binary) {
  if (binary && value >= 1024 * 1024) return fmt::format("{:g}M", value / (1024 * 1024));
  if (binary && value >= 1024) return fmt::format("{:g}K", value / 1024);
  return fmt::format("{:g}", value);
}

std::string text(double x, double y, const char* anchor, const std::string& content) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escape_xml(content));
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1,
                     x2, y2, style);
}

std::string curve(const std::vector<ChartPoint>& points, const Axis& x, const Axis& y,
                  const char* colour, const char* style) {
  if (points.empty()) return "";
  std::string out = "<polyline fill=\"none\" points=\"";
  for (const ChartPoint& p : points) out += fmt::format("{:.1f},{:.1f} ", x.at(p.x), y.at(p.y));
  out.back() = '"';
  return out + fmt::format(" stroke=\"{}\" {}/>\n", colour, style);
}

std::string grid(const Chart& chart, const Axis& x, const Axis& y) {
  constexpr const char* kFaint = "stroke=\"#dddddd\"";
  std::string out;
  for (const double t : ticks(x.low, x.high, chart.binary_x)) {
    out += line(x.at(t), kTop, x.at(t), kBottom, kFaint);
    out += text(x.at(t), kBottom + 18, "middle", label(t, chart.binary_x));
  }
  for (const double t : ticks(y.low, y.high, false)) {
    out += line(kLeft, y.at(t), kRight, y.at(t), kFaint);
    out += text(kLeft - 8, y.at(t) + 4, "end", label(t, false));
  }
  out += fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#666666\"/>\n",
      kLeft, kTop, kRight - kLeft, kBottom - kTop);
  out += text((kLeft + kRight) / 2, kBottom + 42, "middle", chart.x_label);
  out += fmt::format(
      "<text transform=\"translate(20 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
      (kTop + kBottom) / 2, escape_xml(chart.y_label));
  out += fmt::format("<text x=\"{}\" y=\"26\" font-size=\"16\">{}</text>\n", kLeft,
                     escape_xml(chart.title));
  return out;
}

std::string legend(const Chart& chart) {
  std::string out;
  double y = kTop + 16;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const std::string style = fmt::format("stroke=\"{}\" stroke-width=\"2\"", kColours[i % 6]);
    out += line(kRight + 16, y - 4, kRight + 44, y - 4, style.c_str());
    out += text(kRight + 52, y, "start", chart.series[i].name);
    y += 22;
  }
  out += line(kRight + 16, y - 4, kRight + 44, y - 4,
              "stroke=\"#444444\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\"");
  return out + text(kRight + 52, y, "start", "limit");
}

std::string cell(const std::string& value) {
  if (value.find_first_of(",\"\n\r") == std::string::npos) return value;
  std::string out = "\"";
  for (const char c : value) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

void add_row(std::string& out, const std::vector<std::string>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : ",") + cell(row[i]);
  out += "\n";
}

}  // namespace

std::string escape_xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string to_svg(const Chart& chart) {
  double low_x = INFINITY, high_x = 0, low_y = INFINITY, high_y = 0;
  each_point(chart, [&](const ChartPoint& p) {
    if (!(p.x > 0) || !(p.y > 0) || !std::isfinite(p.x) || !std::isfinite(p.y))
      throw HarnessError("chart '" + chart.title + "': a coordinate is not a positive number");
    low_x = std::min(low_x, p.x);
    high_x = std::max(high_x, p.x);
    low_y = std::min(low_y, p.y);
    high_y = std::max(high_y, p.y);
  });
  if (high_x == 0) throw HarnessError("chart '" + chart.title + "': no point");
  const Axis x{low_x / 1.15, high_x * 1.15, kLeft, kRight};
  const Axis y{low_y / 1.25, high_y * 1.25, kBottom, kTop};
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, kHeight);
  out += grid(chart, x, y);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const ChartSeries& s = chart.series[i];
    const char* colour = kColours[i % kColours.size()];
    out += curve(s.limit, x, y, colour, "stroke-width=\"1.5\" stroke-dasharray=\"5 4\"");
    out += curve(s.measured, x, y, colour, "stroke-width=\"2\"");
    for (const ChartPoint& p : s.measured) {
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x.at(p.x),
                         y.at(p.y), colour);
    }
  }
  return out + legend(chart) + "</svg>\n";
}

std::string to_csv(const std::vector<std::string>& head,
                   const std::vector<std::vector<std::string>>& rows) {
  std::string out;
  add_row(out, head);
  for (const std::vector<std::string>& row : rows) {
    if (row.size() != head.size())
      throw HarnessError(
          fmt::format("table: a row of {} cells under a head of {}", row.size(), head.size()));
    add_row(out, row);
  }
  return out;
}

std::optional<double> knee(const std::vector<ChartPoint>& points, double share) {
  const auto highest =
      std::max_element(points.begin(), points.end(),
                       [](const ChartPoint& a, const ChartPoint& b) { return a.y < b.y; });
  const double level = share * highest->y;
  std::vector<ChartPoint> way = points;
  if (points.front().y >= level) std::reverse(way.begin(), way.end());
  if (way.front().y >= level) return std::nullopt;
  std::size_t i = 1;
  while (way[i].y < level) ++i;  // ends at the highest point
  const ChartPoint &a = way[i - 1], &b = way[i];
  return a.x * std::pow(b.x / a.x, std::log(level / a.y) / std::log(b.y / a.y));
}

}  // namespace siov::system
