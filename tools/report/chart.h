// Line charts as SVG: legible in light and dark, in a page or as a file of their own.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pc::report {

struct ChartPoint {
  double x, y;
};

enum class Stroke { line, dashed, dots };

struct Curve {
  std::string name;  // in the legend; empty: not there
  std::vector<ChartPoint> points;
  Stroke stroke = Stroke::line;
  int color = 0;                  // of a palette of eight, taken round
  std::vector<double> area = {};  // dots only: of each, relative to the largest; empty: all alike
};

struct Axis {
  std::string name;
  bool log = false;                // points at or below 0 are left out
  bool whole = false;              // ticks at whole numbers only
  std::optional<double> from, to;  // absent: as far as the points reach
};

// A vertical line with its text, such as a suggestion.
struct ChartMark {
  double x;
  std::string text;
};

struct Chart {
  std::string title;
  Axis x, y;
  std::vector<Curve> curves;
  std::vector<ChartMark> marks = {};
};

// An <svg> element for a page whose style sheet holds kChartStyle. Points that are not finite are left out, and of very
// many some.
std::string chart_svg(const Chart& chart);
// The same as a file with its own style.
std::string chart_file(const Chart& chart);

extern const char* const kChartStyle;

}  // namespace pc::report
