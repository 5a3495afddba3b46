#include "tools/report/overview.h"

#include <fmt/format.h>

#include "engine/state.h"
#include "tools/cli/progress.h"
#include "tools/cli/terminal.h"
#include "tools/html/html.h"
#include "tools/report/chart.h"
#include "tools/report/markup.h"
#include "tools/runs/events.h"

namespace pc::report {
namespace {

using nlohmann::json;

// A curve per head of one figure of the epochs.
std::vector<Curve> curves_of(const RunMaterial& m, const std::string& part, const std::string& figure, Stroke stroke,
                             const std::string& suffix) {
  std::vector<Curve> curves;
  for (std::size_t h = 0; h < m.heads.size(); ++h) {
    const std::string& head = m.heads[h].score.name;
    Curve curve{.name = head + suffix, .points = {}, .stroke = stroke, .color = int(h)};
    for (const json& event : m.events)
      if (const auto y = runs::number_at(event, {part, head, figure}); y && event["event"] == "epoch")
        curve.points.push_back({runs::number_at(event, {"epoch"}).value_or(0), *y});
    if (!curve.points.empty()) curves.push_back(std::move(curve));
  }
  return curves;
}

// Both sides in one chart: where they part, the network learns the training images by heart.
std::vector<Curve> val_and_train(const RunMaterial& m, const std::string& figure) {
  std::vector<Curve> curves = curves_of(m, "val", figure, Stroke::line, ", validation");
  for (Curve& curve : curves_of(m, "train", figure, Stroke::dashed, ", training")) curves.push_back(std::move(curve));
  return curves;
}

std::string chart(const std::string& title, const Axis& y, std::vector<Curve> curves) {
  if (curves.empty()) return "";
  Chart drawn;
  drawn.title = title;
  drawn.x.name = "epoch";
  drawn.x.whole = true;
  drawn.y = y;
  drawn.curves = std::move(curves);
  return chart_svg(drawn);
}

}  // namespace

std::string summary_section(const RunMaterial& m) {
  const auto& train = m.run.config.train;
  const Preprocess& input = m.run.info.preprocess;
  const json& test = m.event("test");
  std::string html = "<dl>\n";
  html += tile("architecture", m.run.info.architecture);
  html += tile("parameters", cli::grouped(count_parameters(m.run.model)));
  html += tile("input", fmt::format("{} × {}", input.width, input.height));
  html += tile("trained on", cli::grouped(int64_t(m.run.plan.train.size())));
  html += tile("validated on", cli::grouped(int64_t(m.run.plan.val.size())));
  html += tile("tested on", cli::grouped(int64_t(m.run.plan.test.size())));
  if (const auto epoch = runs::number_at(test, {"epoch"}))
    html += tile(train.patience > 0 ? "best epoch" : "epochs", cli::grouped(int64_t(*epoch)));
  if (const auto seconds = runs::number_at(test, {"seconds"})) html += tile("training time", cli::clock_text(*seconds));
  html += tile("precision", train.precision + " on " + train.device);
  html += "</dl>\n";
  if (const auto warnings = test.find("warnings"); warnings != test.end())
    for (const json& warning : *warnings)
      if (warning.is_string())
        html += fmt::format("<p class=\"bad\">{}</p>\n", html::html_text(warning.get<std::string>()));
  return html;
}

std::string curves_section(const RunMaterial& m) {
  Curve rate{.name = "", .points = {}};
  for (const json& event : m.events)
    if (const auto lr = runs::number_at(event, {"lr"}); lr && event["event"] == "epoch")
      rate.points.push_back({runs::number_at(event, {"epoch"}).value_or(0), *lr});
  const Axis share{.from = 0, .to = 1};
  std::string html = "<h2 id=\"curves\">Learning curves</h2>\n<div class=\"charts\">\n";
  html += chart("Loss", {.from = 0}, val_and_train(m, "loss"));
  html += chart("Accuracy", share, val_and_train(m, "accuracy"));
  html += chart("Top-5 accuracy, validation", share, curves_of(m, "val", "top5", Stroke::line, ""));
  html += chart("Macro-F1, validation", share, curves_of(m, "val", "macro_f1", Stroke::line, ""));
  if (!rate.points.empty()) html += chart("Learning rate, last step of the epoch", {.from = 0}, {rate});
  return html +
         "</div>\n<p>Training figures are those of changed images while the weights move; with strong augmentation "
         "they lie below validation.</p>\n";
}

}  // namespace pc::report
