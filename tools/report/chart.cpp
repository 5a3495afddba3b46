#include "tools/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/cli/terminal.h"
#include "tools/html/html.h"

namespace pc::report {
namespace {

constexpr double kWidth = 480, kHeight = 290, kLeft = 58, kRight = 16, kTop = 34, kBottom = 46, kLegendLine = 18,
                 kLetter = 7.2;
constexpr std::size_t kColors = 8, kMostPoints = 1000, kLongestName = 40;

// Where values of an axis lie in the picture.
struct Scale {
  double from, to, begin, end;
  bool log, whole;
  double place(double value) const { return log ? std::log10(value) : value; }
  double at(double value) const {
    return begin + (end - begin) * (place(value) - place(from)) / (place(to) - place(from));
  }
  bool shows(double value) const { return std::isfinite(value) && (!log || value > 0); }
};

// Steps of 1, 2 or 5 times a power of ten, about five of them; powers of ten on a logarithmic axis.
std::vector<double> ticks(const Scale& scale) {
  std::vector<double> at;
  if (scale.log) {
    for (double power = std::ceil(std::log10(scale.from) - 1e-9); power <= std::log10(scale.to) + 1e-9; ++power)
      at.push_back(std::pow(10, power));
    return at;
  }
  const double rough = (scale.to - scale.from) / 5, power = std::pow(10, std::floor(std::log10(rough))),
               mantissa = rough / power;
  const double even = power * (mantissa < 1.5 ? 1 : mantissa < 3.5 ? 2 : mantissa < 7.5 ? 5 : 10);
  const double step = scale.whole ? std::max(1.0, even) : even;
  for (double i = std::ceil(scale.from / step - 1e-9); i * step <= scale.to + 1e-9 * step; ++i) at.push_back(i * step);
  return at;
}

std::string number(double value) { return fmt::format("{:.4g}", std::abs(value) < 1e-12 ? 0 : value); }

Scale make_scale(const Axis& axis, const std::vector<Curve>& curves, double ChartPoint::*coordinate, double begin,
                 double end) {
  Scale scale{.from = std::numeric_limits<double>::infinity(),
              .to = -std::numeric_limits<double>::infinity(),
              .begin = begin,
              .end = end,
              .log = axis.log,
              .whole = axis.whole};
  for (const Curve& curve : curves)
    for (const ChartPoint& point : curve.points)
      if (const double value = point.*coordinate; scale.shows(value))
        scale.from = std::min(scale.from, value), scale.to = std::max(scale.to, value);
  if (scale.from > scale.to) scale.from = scale.log ? 1 : 0, scale.to = scale.log ? 10 : 1;
  scale.from = axis.from.value_or(scale.from);
  scale.to = axis.to.value_or(scale.to);
  if (scale.from >= scale.to)
    scale.to = scale.log ? scale.from * 10 : scale.from + std::max(1e-9, std::abs(scale.from) * 0.1);
  return scale;
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart)
      : chart_(chart),
        top_(kTop + kLegendLine * place_legend()),
        y_(make_scale(chart.y, chart.curves, &ChartPoint::y, top_ + kHeight - kTop - kBottom, top_)),
        x_(make_scale(chart.x, chart.curves, &ChartPoint::x, left_of(y_), kWidth - kRight)) {}

  std::string svg(const std::string& attributes, const std::string& style) {
    axes();
    for (const Curve& curve : chart_.curves) draw(curve);
    for (const ChartMark& mark : chart_.marks) draw(mark);
    return fmt::format(
        "<svg class=\"chart\"{} viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">{}{}</svg>\n", attributes,
        kWidth, y_.begin + kBottom, html::html_text(chart_.title), style, legend_ + body_);
  }

 private:
  // Names flow from left to right; returns the lines they need.
  int place_legend() {
    legend_ = text(kLeft, 18, "title", chart_.title);
    double at = kLeft;
    int line = 0;
    for (const Curve& curve : chart_.curves) {
      if (curve.name.empty()) continue;
      const std::string name = cli::clipped(curve.name, kLongestName);
      const double wide = 34 + kLetter * double(cli::width(name));
      if (line == 0 || at + wide > kWidth - kRight) ++line, at = kLeft;
      const double y = kTop + kLegendLine * line - 9;
      const std::string key = color(curve);
      if (curve.stroke == Stroke::dots)
        legend_ += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>", key, at + 11, y - 4);
      else
        legend_ += fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}h22\"/>", key, at, y - 4);
      legend_ += text(at + 27, y, "", name);
      at += wide;
    }
    return line;
  }

  // The numbers of the vertical axis end here; its name, turned upright, stands to their left.
  static double left_of(const Scale& y) {
    constexpr double kName = 28;
    std::size_t longest = 0;
    for (const double tick : ticks(y)) longest = std::max(longest, number(tick).size());
    return std::max(kLeft, kName + kLetter * double(longest));
  }

  static std::string color(const Curve& curve) {
    return fmt::format("c{}{}", std::size_t(curve.color) % kColors,
                       curve.stroke == Stroke::dashed ? " dash"
                       : curve.stroke == Stroke::dots ? " dot"
                                                      : "");
  }
  static std::string text(double x, double y, const char* kind, const std::string& content) {
    return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", kind, x, y, html::html_text(content));
  }

  void axes() {
    for (const double tick : ticks(x_)) {
      body_ += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", x_.at(tick), y_.end, y_.begin);
      body_ += text(x_.at(tick), y_.begin + 17, "mid", number(tick));
    }
    for (const double tick : ticks(y_)) {
      body_ += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", x_.begin, y_.at(tick), x_.end);
      body_ += text(x_.begin - 6, y_.at(tick) + 4, "end", number(tick));
    }
    body_ += text((x_.begin + x_.end) / 2, y_.begin + 36, "mid", chart_.x.name);
    const double middle = (y_.begin + y_.end) / 2;
    body_ += fmt::format("<text class=\"mid\" transform=\"translate(14 {:.1f}) rotate(-90)\">{}</text>", middle,
                         html::html_text(chart_.y.name));
  }

  void draw(const Curve& curve) {
    const double largest =
        curve.area.empty() ? 1 : std::max(1e-20, *std::max_element(curve.area.begin(), curve.area.end()));
    const std::size_t stride = 1 + curve.points.size() / kMostPoints;
    std::string path;
    std::size_t shown = 0;
    for (std::size_t i = 0; i < curve.points.size(); i += stride) {
      const ChartPoint& p = curve.points[i];
      if (!x_.shows(p.x) || !y_.shows(p.y)) continue;
      const double x = x_.at(p.x), y = y_.at(std::clamp(p.y, y_.from, y_.to));
      const double radius = curve.area.empty() ? 4 : 2 + 7 * std::sqrt(curve.area[i] / largest);
      if (curve.stroke == Stroke::dots)
        body_ +=
            fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"/>", color(curve), x, y, radius);
      else
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
      if (++shown == 1 && curve.points.size() == 1 &&
          curve.stroke != Stroke::dots)  // a line of one point would be nothing
        body_ += fmt::format("<circle class=\"{} dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", color(curve), x, y);
    }
    if (!path.empty()) body_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", color(curve), path);
  }

  void draw(const ChartMark& mark) {
    if (!x_.shows(mark.x)) return;
    const double x = std::clamp(x_.at(mark.x), x_.begin, x_.end);
    body_ += fmt::format("<path class=\"mark\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", x, y_.begin, y_.end);
    const bool left = x > (x_.begin + x_.end) / 2;
    body_ += text(left ? x - 5 : x + 5, y_.end + 12 + 15 * marks_++, left ? "end" : "", mark.text);
  }

  const Chart& chart_;
  std::string legend_, body_;
  double top_;
  Scale y_, x_;
  int marks_ = 0;
};

}  // namespace

const char* const kChartStyle = R"(
.chart{font:12px system-ui,sans-serif;fill:currentColor;width:100%;max-width:46rem;height:auto;display:block}
.chart .title{font-weight:600;font-size:14px}.chart .mid{text-anchor:middle}.chart .end{text-anchor:end}
.chart path{fill:none;stroke-width:2;stroke-linejoin:round}.chart .grid{stroke:#8885;stroke-width:.7}
.chart .mark{stroke:currentColor;stroke-width:1;stroke-dasharray:2 3}.chart .dash{stroke-dasharray:5 4}
.chart .c0{stroke:#3a86c8}.chart .c1{stroke:#e07a1f}.chart .c2{stroke:#2a9d6f}.chart .c3{stroke:#d0453a}
.chart .c4{stroke:#9467d0}.chart .c5{stroke:#a8842b}.chart .c6{stroke:#3fa7b8}.chart .c7{stroke:#888}
.chart .dot{stroke:none}.chart .c0.dot{fill:#3a86c8}.chart .c1.dot{fill:#e07a1f}.chart .c2.dot{fill:#2a9d6f}
.chart .c3.dot{fill:#d0453a}.chart .c4.dot{fill:#9467d0}.chart .c5.dot{fill:#a8842b}.chart .c6.dot{fill:#3fa7b8}
.chart .c7.dot{fill:#888}
)";

std::string chart_svg(const Chart& chart) { return Drawing(chart).svg("", ""); }

std::string chart_file(const Chart& chart) {
  const std::string style = fmt::format(
      "<style>svg{{color:#222;background:#fff}}@media(prefers-color-scheme:dark){{svg{{color:#ddd;background:#181a1b}}}"
      "}{}</style>",
      kChartStyle);
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
         Drawing(chart).svg(" xmlns=\"http://www.w3.org/2000/svg\"", style);
}

}  // namespace pc::report
