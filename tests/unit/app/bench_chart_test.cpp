// SPDX-License-Identifier: Apache-2.0
// Charts and tables: what is drawn where, what is quoted, what is refused; knees.
#include "system/bench_chart.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.hpp"

namespace siov::system {
namespace {

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

Chart small_chart() {
  Chart chart;
  chart.title = "a < b & c";
  chart.x_label = "size";
  chart.y_label = "rate";
  chart.binary_x = true;
  chart.series.push_back({"one", {{64, 1}, {1024, 10}, {1 << 20, 50}}, {{64, 2}, {1 << 20, 60}}});
  chart.series.push_back({"two", {{64, 3}}, {}});
  return chart;
}

TEST(ChartTest, SeriesAreSolidLinesWithAMarkerEachAndLimitsAreDashed) {
  const std::string svg = to_svg(small_chart());
  EXPECT_EQ(svg.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\"", 0), 0U);
  EXPECT_EQ(svg.substr(svg.size() - 7), "</svg>\n");
  EXPECT_EQ(count(svg, "<circle"), 4U);           // 3 + 1 measured points
  EXPECT_EQ(count(svg, "<polyline"), 3U);         // two series, one limit
  EXPECT_EQ(count(svg, "stroke-dasharray"), 2U);  // the limit and its line in the legend
  EXPECT_EQ(count(svg, ">one</text>"), 1U);
  EXPECT_EQ(count(svg, ">two</text>"), 1U);
}

TEST(ChartTest, TextIsEscaped) {
  EXPECT_EQ(escape_xml("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
  EXPECT_EQ(count(to_svg(small_chart()), "a &lt; b &amp; c"), 1U);
}

TEST(ChartTest, BinaryAxisHasPowersOfTwoTheOtherOneTwoFive) {
  const std::string svg = to_svg(small_chart());
  for (const char* tick : {">64<", ">1K<", ">512K<", ">1M<", ">20<", ">50<"}) {
    EXPECT_EQ(count(svg, tick), 1U) << tick;
  }
  EXPECT_EQ(count(svg, ">100<"), 0U) << "above the highest point";
}

TEST(ChartTest, AxesAreLogarithmic) {
  Chart chart;
  chart.series.push_back({"s", {{1, 1}, {10, 10}, {100, 100}}, {}});
  const std::string svg = to_svg(chart);
  std::vector<double> x;
  for (std::size_t at = svg.find("cx=\""); at != std::string::npos; at = svg.find("cx=\"", at + 1))
    x.push_back(std::stod(svg.substr(at + 4)));
  ASSERT_EQ(x.size(), 3U);
  EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.2);
  EXPECT_GT(x[1] - x[0], 200);
}

TEST(ChartTest, WhatHasNoPlaceIsRefused) {
  Chart chart;
  EXPECT_THROW((void)to_svg(chart), HarnessError);
  chart.series.push_back({"s", {{1, 0}}, {}});
  EXPECT_THROW((void)to_svg(chart), HarnessError);
  chart.series[0].measured = {{1, NAN}};
  EXPECT_THROW((void)to_svg(chart), HarnessError);
  chart.series[0].measured = {{-1, 1}};
  EXPECT_THROW((void)to_svg(chart), HarnessError);
}

TEST(TableTest, CellsAreQuotedWhereTheyMustBe) {  // RFC 4180
  EXPECT_EQ(to_csv({"a", "b"}, {{"1", "x,y"}, {"say \"no\"", ""}}),
            "a,b\n1,\"x,y\"\n\"say \"\"no\"\"\",\n");
  EXPECT_THROW((void)to_csv({"a", "b"}, {{"1"}}), HarnessError);
}

TEST(KneeTest, IsWhereTheCurveComesWithinTenPercentOfItsTop) {
  EXPECT_NEAR(*knee({{1, 10}, {10, 100}, {100, 100}}), 9, 1e-9);      // rises with slope one
  EXPECT_NEAR(*knee({{1, 100}, {10, 100}, {100, 10}}), 11.11, 0.01);  // falls from 10 on: 10 / 0.9
  EXPECT_NEAR(*knee({{1, 10}, {10, 100}}, 0.5), 5, 1e-9);
  EXPECT_FALSE(knee({{1, 95}, {10, 100}, {100, 91}}).has_value());
  EXPECT_FALSE(knee({{1, 5}}).has_value());
}

}  // namespace
}  // namespace siov::system
