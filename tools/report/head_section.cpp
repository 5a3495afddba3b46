#include "tools/report/head_section.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/cli/terminal.h"
#include "tools/html/html.h"
#include "tools/report/chart.h"
#include "tools/report/figures.h"
#include "tools/report/markup.h"

namespace pc::report {
namespace {

constexpr std::size_t kMatrix = 30, kPairs = 10, kExamples = 3, kWorst = 18, kClasses = 300, kCoveragePoints = 100,
                      kLongestFile = 60;
constexpr std::size_t kTextBytes = 1'200'000;  // of all heads
constexpr int kBins = 15;

std::string matrix_cell(int64_t count, int64_t row, bool diagonal, bool rest) {
  if (count == 0) return "<td>";
  if (rest) return fmt::format("<td>{}", count);  // correct and incorrect answers at once
  return fmt::format("<td{} style=\"--a:{:.2f}\">{}", diagonal ? " class=\"d\"" : "",
                     0.08 + 0.82 * double(count) / double(row), count);
}

std::string matrix(const Material& m, std::size_t head) {
  const FoldedConfusion folded = fold_confusion(m.heads[head], kMatrix);
  const std::size_t shown = folded.labels.size(), size = folded.counts.size();
  const std::string others = fmt::format("{} others", m.heads[head].classes.size() - shown);
  const auto name = [&](std::size_t i) { return i < shown ? name_text(m.label(head, folded.labels[i])) : others; };
  std::string html = fmt::format(
      "<h3>Confusion matrix</h3>\n<p>A row is a label, a column an answer, the shade the share of the row{}.</p>\n"
      "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><td>",
      folded.folded ? fmt::format("; the {} most frequent classes", shown) : "");
  for (std::size_t i = 0; i < size; ++i) html += fmt::format("<th><span>{}</span>", name(i));
  html += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < size; ++i) {
    int64_t row = 0;
    for (const int64_t count : folded.counts[i]) row += count;
    html += fmt::format("<tr><th>{}", name(i));
    for (std::size_t j = 0; j < size; ++j) html += matrix_cell(folded.counts[i][j], row, i == j, i == j && i == shown);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string figure(const std::string& picture, const std::string& caption) {
  return fmt::format("<figure>{}<br>{}</figure>", picture, caption);
}

// The picture of this class that the network thinks most likely to be one.
std::string example(Material& m, std::size_t head, int label) {
  const Tested* best = nullptr;
  for (const Tested& t : m.heads[head].pictures)
    if (t.truth == label && (!best || t.p_truth > best->p_truth)) best = &t;
  const std::string name = name_text(m.label(head, label));
  return best ? figure(m.picture(best->item), "the most confident<br>" + name)
              : figure("<span class=\"p none\"></span>", "no test image<br>" + name);
}

std::string pairs(Material& m, std::size_t head) {
  std::vector<PairCount> incorrect = pair_counts(m.heads[head]);
  std::erase_if(incorrect, [](const PairCount& pair) { return pair.truth == pair.answer; });
  if (incorrect.empty()) return "";
  std::vector<int64_t> n(m.heads[head].classes.size());
  for (const Tested& t : m.heads[head].pictures) ++n[std::size_t(t.truth)];
  std::string html =
      "<h3>Most confused pairs</h3>\n<p>Between the most confident image of either class, some of the one that were "
      "taken for the other.</p>\n<div class=\"pairs\">\n";
  for (std::size_t i = 0; i < std::min(kPairs, incorrect.size()); ++i) {
    const PairCount& pair = incorrect[i];
    html += fmt::format("<div class=\"group\"><p><b>{}</b> taken for <b>{}</b>: {} of {} ({})</p>\n",
                        name_text(m.label(head, pair.truth)), name_text(m.label(head, pair.answer)),
                        cli::grouped(pair.count), cli::grouped(n[std::size_t(pair.truth)]),
                        percent(double(pair.count) / double(n[std::size_t(pair.truth)])));
    html += example(m, head, pair.truth);
    std::size_t shown = 0;
    for (const Tested& t : m.heads[head].pictures)
      if (t.truth == pair.truth && t.answer == pair.answer && shown++ < kExamples)
        html += figure(m.picture(t.item),
                       fmt::format("<span class=\"bad\">{} {}</span>", name_text(m.answer(head, t)), percent(t.p)));
    html += example(m, head, pair.answer) + "</div>\n";
  }
  return html + "</div>\n";
}

std::string worst(Material& m, std::size_t head) {
  std::string html =
      "<h3>Highest losses</h3>\n<p>Images whose label the network thinks least likely: wrong labels show up "
      "here.</p>\n<div class=\"groups\">\n";
  for (const Tested& t : highest_losses(m.heads[head], kWorst))
    html += figure(m.picture(t.item),
                   fmt::format("label <b>{}</b> {}<br>answer <b class=\"{}\">{}</b> {}<br><small>{}</small>",
                               name_text(m.label(head, t.truth)), percent(t.p_truth),
                               t.truth == t.answer ? "good" : "bad", name_text(m.answer(head, t)), percent(t.p),
                               html::file_text(cli::clipped(m.file(t.item), kLongestFile))));
  return html + "</div>\n";
}

Curve reliability(const TestedHead& head, double Tested::*probability, const std::string& name, int color) {
  const auto bins = probability_bins(head, kBins, probability);
  Curve curve{.name = fmt::format("{}, ECE {:.3f}", name, calibration_error(bins)),
              .points = {},
              .stroke = Stroke::dots,
              .color = color};
  for (const ProbabilityBin& bin : bins) {
    if (bin.n == 0) continue;
    curve.points.push_back({bin.p, bin.accuracy});
    curve.area.push_back(double(bin.n));
  }
  return curve;
}

std::string probabilities(const Material& m, std::size_t head) {
  const TestedHead& tested = m.heads[head];
  const bool tempered =
      std::any_of(tested.pictures.begin(), tested.pictures.end(), [](const Tested& t) { return t.p != t.tempered; });
  std::vector<Curve> curves{
      {.name = "confidence = accuracy", .points = {{0, 0}, {1, 1}}, .stroke = Stroke::dashed, .color = 7},
      reliability(tested, &Tested::p, "as the network says", 0)};
  if (tempered) curves.push_back(reliability(tested, &Tested::tempered, "calibrated", 1));
  std::string html = "<h3>What the probabilities are worth</h3>\n<div class=\"charts\">\n";
  html += chart_svg({.title = "Reliability: a dot's area is its number of images",
                     .x = {.name = "probability of the answer", .from = 0, .to = 1},
                     .y = {.name = "accuracy", .from = 0, .to = 1},
                     .curves = std::move(curves)});
  html += chart_svg({.title = "Coverage: only the most confident answers",
                     .x = {.name = "share of the images answered", .from = 0, .to = 1},
                     .y = {.name = "accuracy among them", .to = 1},
                     .curves = {{.name = "", .points = coverage_curve(tested, kCoveragePoints)}}});
  return html + "</div>\n";
}

std::string class_table(const Material& m, std::size_t head) {
  const auto classes = class_figures(m.heads[head]);
  std::string html =
      "<h3>Classes</h3>\n<p>Click a heading to sort. A cell is blank if there is nothing to divide by.</p>\n<div "
      "class=\"scroll "
      "tall\"><table class=\"sort\"><thead><tr>"
      "<th>class<th>n<th>precision<th>recall<th>F1</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < std::min(kClasses, classes.size()); ++i) {
    const ClassFigures& c = classes[i];
    html += fmt::format("<tr><th>{}<td>{}<td>{}<td>{}<td>{}</tr>\n", name_text(m.label(head, c.label)), c.n,
                        blank_or(c.precision()), blank_or(c.recall()), blank_or(c.f1()));
  }
  html += "</tbody></table></div>\n";
  if (classes.size() > kClasses)
    html += fmt::format("<p>and {} more</p>\n", cli::grouped(int64_t(classes.size() - kClasses)));
  return html;
}

}  // namespace

std::string head_section(Material& m, std::size_t head) {
  const std::string title = fmt::format("<h2 id=\"head{}\">{}</h2>\n", head, name_text(m.heads[head].score.name));
  if (m.heads[head].pictures.empty()) return title + "<p>No test image has this label.</p>\n";
  return title + matrix(m, head) + pairs(m, head) + worst(m, head) + probabilities(m, head) + class_table(m, head);
}

std::string head_sections(Material& m) {
  std::string html;
  std::size_t head = 0;
  for (; head < m.heads.size() && html.size() < kTextBytes; ++head) html += head_section(m, head);
  if (head < m.heads.size())
    html += fmt::format("<p>{} more heads are left out to keep this page small.</p>\n", m.heads.size() - head);
  return html;
}

}  // namespace pc::report
