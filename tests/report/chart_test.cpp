// Charts: well-formed whatever the points and names are, with every point in its place.
#include "tools/report/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support.h"

namespace pc::report {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

Chart line(std::vector<ChartPoint> points) {
  return {.title = "t", .x = {}, .y = {}, .curves = {{.name = "a", .points = std::move(points)}}};
}

TEST(Chart, DrawsFromCornerToCorner) {
  const std::string svg = chart_svg(line({{0, 0}, {1, 1}}));
  EXPECT_HAS(svg, "d=\"M58.0 262.0L464.0 52.0\"");
}

TEST(Chart, ALogarithmicAxisPlacesDecadesEvenly) {
  Chart chart = line({{0.01, 0}, {0.1, 1}, {1, 0}, {0, 5}});
  chart.x.log = true;
  const std::string svg = chart_svg(chart);
  EXPECT_HAS(svg, "M58.0 262.0L261.0");
  EXPECT_HAS(svg, ">0.01<");
  EXPECT_HAS(svg, ">0.1<");
}

// The axis's name stands upright at x = 14, 12 pixels high; a digit is about 7 wide.
TEST(Chart, LongNumbersLeaveTheAxisItsName) {
  const std::string svg = chart_svg(line({{0, 0.9961}, {1, 0.9969}}));
  const auto at = svg.find("\">0.9962<");
  ASSERT_NE(at, svg.npos) << svg;
  const auto x = svg.rfind("x=\"", at);
  EXPECT_GE(std::stod(svg.substr(x + 3)) - 7.0 * 6, 14 + 6);
}

TEST(Chart, WholeAxesHaveWholeTicks) {
  Chart chart = line({{1, 0}, {2, 1}});
  chart.x.whole = true;
  const std::string svg = chart_svg(chart);
  EXPECT_LACKS(svg, ">1.2<");
  EXPECT_HAS(svg, ">2<");
}

TEST(Chart, SurvivesPointsThatAreNone) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const auto& points : std::vector<std::vector<ChartPoint>>{{},
                                                                 {{1, 1}},
                                                                 {{1, NAN}, {2, kInf}},
                                                                 {{3, 3}, {3, 3}},
                                                                 {{-1e300, 0}, {1e300, 1}},
                                                                 {{0, 1e-300}, {1, 2e-300}}}) {
    const std::string svg = chart_svg(line(points));
    EXPECT_LACKS(svg, "nan");
    EXPECT_LACKS(svg, "inf");
    EXPECT_LT(svg.size(), 5000u);
  }
}

TEST(Chart, ManyPointsStaySmall) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 1'000'000; ++i) points.push_back({double(i), double(i % 7)});
  EXPECT_LT(chart_svg(line(points)).size(), 40'000u);
}

TEST(Chart, NamesAreEscapedAndDotsHaveTheirArea) {
  Chart chart = line({{0, 0}, {1, 1}});
  chart.title = "<script>";
  chart.curves[0].name = "<b>&";
  chart.curves[0].stroke = Stroke::dots;
  chart.curves[0].area = {1, 4};
  chart.marks = {{0.5, "<i>"}};
  const std::string svg = chart_svg(chart);
  for (const char* never : {"<script", "<b>", "<i>"}) EXPECT_LACKS(svg, never);
  EXPECT_HAS(svg, "r=\"5.5\"");
  EXPECT_HAS(svg, "r=\"9.0\"");
  EXPECT_EQ(count(chart_file(chart), "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\""), 1u);
}

}  // namespace
}  // namespace pc::report
