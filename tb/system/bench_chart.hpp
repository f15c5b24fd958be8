// SPDX-License-Identifier: Apache-2.0
// Chart: an SVG with logarithmic axes, several measured series and, dashed in the same colour, the
// limit of each. Table: rows of text as CSV.
//
//   chart.series.push_back({"single", {{64, 14.9}, {128, 29.5}}, {{64, 15.2}, {128, 30.4}}});
//   file << system::to_svg(chart);
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace siov::system {

struct ChartPoint {
  double x = 0, y = 0;
};

/// Points ascend in x; all coordinates are > 0.
struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> measured;
  std::vector<ChartPoint> limit;  ///< drawn dashed; may be empty
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;
  bool binary_x = false;  ///< ticks at powers of two, with K and M; otherwise 1, 2, 5
};

/// @throws HarnessError without any point, or when a coordinate is not a positive number
[[nodiscard]] std::string to_svg(const Chart& chart);

/// Text for element content and attributes.
[[nodiscard]] std::string escape_xml(const std::string& text);

/// Lines end with \n; a cell with comma, quote or line break is quoted. @spec RFC 4180
/// @throws HarnessError when a row is not as long as the head
[[nodiscard]] std::string to_csv(const std::vector<std::string>& head,
                                 const std::vector<std::vector<std::string>>& rows);

/// Where a curve comes within `share` of its highest point: the lowest such x if it starts below,
/// the highest one if it starts within; nothing if all of it is within. Interpolated between
/// points, logarithmic on both axes. Points as in ChartSeries, not empty.
[[nodiscard]] std::optional<double> knee(const std::vector<ChartPoint>& points, double share = 0.9);

}  // namespace siov::system
