#include "tools/report/looking.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tools/predict/cam.h"
#include "tools/report/figures.h"
#include "tools/report/markup.h"

namespace pc::report {
namespace {

constexpr std::size_t kCorrect = 6, kIncorrect = 6, kMostHeads = 8;

// The head with most classes tells most about what the network looks for.
std::size_t finest_head(const Material& m) {
  const auto finest = std::max_element(m.heads.begin(), m.heads.end(),
                                       [](const auto& a, const auto& b) { return a.score.classes < b.score.classes; });
  return std::size_t(finest - m.heads.begin());
}

// The most confident correct answer of each of the most frequent classes, then the mistakes of highest loss.
std::vector<uint32_t> chosen(const TestedHead& head) {
  std::vector<uint32_t> items;
  for (const ClassFigures& c : class_figures(head)) {
    const Tested* best = nullptr;
    for (const Tested& t : head.pictures)
      if (t.truth == c.label && t.answer == c.label && (!best || t.p > best->p)) best = &t;
    if (best && items.size() < kCorrect) items.push_back(best->item);
  }
  const std::size_t correct = items.size();
  for (const Tested& t : highest_losses(head, head.pictures.size()))
    if (t.truth != t.answer && items.size() < correct + kIncorrect) items.push_back(t.item);
  return items;
}

}  // namespace

std::string looking_section(RunMaterial& m) {
  const std::vector<uint32_t> items = chosen(m.heads[finest_head(m)]);
  if (items.empty()) return "";
  const runs::Batch batch = m.run.batches.whole(items);
  const Tensor features = m.run.model.features(Var(batch.x), Mode::infer).value();
  const std::vector<Var> logits = m.run.model.forward(Var(batch.x), Mode::infer);
  const predict::MapInput seen{
      .grid = m.run.model.map_grid(), .height = int(batch.x.dim(1)), .width = int(batch.x.dim(2))};
  std::string html = fmt::format(
      "<h2 id=\"looking\">Where the network looks</h2>\n<p>Class activation maps: what speaks for the answer, yellow "
      "to red. The network's last map has {} x {} cells; the colors between their centers are interpolated, so that a "
      "map of "
      "few cells shows a region, not an outline (a larger --size gives more cells). Confident correct answers "
      "first, then confident mistakes. Where the evidence lies beside the product, the network has learned the "
      "background.</p>\n<div class=\"groups\">\n",
      features.dim(2), features.dim(1));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const data::Image view = predict::network_view(batch.x, int64_t(i), m.run.info.preprocess);
    html += fmt::format("<div class=\"group\"><figure>{}<br>as the network sees it</figure>\n",
                        m.thumbnails.show(fmt::format("view{}", i), "input", [&] { return view; }));
    for (std::size_t h = 0; h < std::min(kMostHeads, m.heads.size()); ++h) {
      const std::vector<float> values = logits[h].value().to_vector<float>();
      const auto classes = std::size_t(m.heads[h].score.classes);
      const int32_t truth = m.run.batches.label(items[i], h);
      const Tested t = tested(items[i], std::span(values).subspan(i * classes, classes), std::max(0, truth), 1);
      const std::string name = m.label(h, t.answer);
      const auto draw = [&] {
        return predict::overlay(
            view, predict::class_activation(features, int64_t(i), m.run.model.head_weight(h), t.answer, seen));
      };
      html += fmt::format("<figure>{}<br><b class=\"{}\">{}</b> {}",
                          m.thumbnails.show(fmt::format("cam{}-{}", i, h), "evidence for " + name, draw),
                          truth < 0           ? ""
                          : truth == t.answer ? "good"
                                              : "bad",
                          name_text(name), percent(t.p));
      if (truth >= 0 && truth != t.answer) html += "<br><small>label " + name_text(m.label(h, truth)) + "</small>";
      html += "</figure>\n";
    }
    html += "</div>\n";
  }
  return html + "</div>\n";
}

}  // namespace pc::report
