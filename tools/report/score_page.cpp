#include "tools/report/score_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/file.h"
#include "tools/cli/terminal.h"
#include "tools/predict/verdict.h"
#include "tools/report/head_section.h"
#include "tools/report/markup.h"
#include "tools/report/report_page.h"
#include "tools/report/results_section.h"

namespace pc::report {
namespace {

bool is_one_of(const std::vector<int32_t>& labels, int32_t label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// The class that a label stands for beside a picture of class `truth`.
int32_t class_of(int32_t label, int32_t truth, const std::vector<std::vector<int32_t>>& correct) {
  if (is_one_of(correct[std::size_t(truth)], label)) return truth;
  const auto other =
      std::find_if(correct.begin(), correct.end(), [&](const auto& labels) { return is_one_of(labels, label); });
  return int32_t(other - correct.begin());
}

std::string summary(const evaluate::ScoreReport& report, const ModelInfo& info, const std::string& conditions) {
  return "<dl>\n" + tile("images", cli::grouped(report.n)) +
         tile("unreadable", cli::grouped(int64_t(report.bad.size()))) + tile("architecture", info.architecture) +
         "</dl>\n" + (conditions.empty() ? "" : "<p>" + html::html_text(conditions) + "</p>\n");
}

}  // namespace

Tested tested_by_map(uint32_t item, const std::vector<float>& logits, int32_t truth,
                     const std::vector<std::vector<int32_t>>& correct, double temperature) {
  Tested t = tested(item, logits, correct[std::size_t(truth)].front(), temperature);
  const std::vector<double> p = probabilities(logits, 1);
  t.p_truth = 0;
  for (const int32_t label : correct[std::size_t(truth)]) t.p_truth += p[std::size_t(label)];
  t.loss = std::min(t.loss, -std::log(t.p_truth));  // t.loss is finite where all of p_truth is lost to rounding
  t.answer = class_of(t.answer, truth, correct);
  t.truth = truth;
  return t;
}

ScorePage::ScorePage(const evaluate::ScorePlan& plan, const ModelInfo& info) : plan_(plan), info_(info) {
  for (const evaluate::ScoredHead& match : plan.heads) {
    TestedHead& head = heads_.emplace_back();
    head.classes = match.correct.empty() ? info.heads[match.head].labels : plan.data.catalog.classes[match.column];
    head.labels = info.heads[match.head].labels;
    if (!match.correct.empty()) head.classes.push_back("something else");
  }
}

void ScorePage::add(std::size_t i, const predict::Logits& logits) {
  const std::vector<double> t = predict::temperatures(info_);
  for (std::size_t h = 0; h < heads_.size(); ++h) {
    const evaluate::ScoredHead& match = plan_.heads[h];
    const int32_t truth = evaluate::truth_of(plan_, h, i);
    if (truth < 0) continue;
    const auto item = uint32_t(i);
    const double temperature = t[match.head];
    heads_[h].pictures.push_back(match.correct.empty()
                                     ? tested(item, logits[match.head], truth, temperature)
                                     : tested_by_map(item, logits[match.head], truth, match.correct, temperature));
  }
}

void ScorePage::write(const std::filesystem::path& path, const std::string& name, const std::string& conditions,
                      const evaluate::ScoreReport& report, const evaluate::Decode& decode) {
  for (std::size_t h = 0; h < heads_.size(); ++h) heads_[h].score = report.heads[h].score;
  Material m{.heads = std::move(heads_),
             .image = [&](uint32_t i) { return decode(i); },
             .file = [&](uint32_t i) { return plan_.data.catalog.items[plan_.items[i]].file; }};
  const std::string body = results_section(m, "All images that were scored.") + head_sections(m);
  write_file_atomically(path, report_page(m, name, "evaluation", summary(report, info_, conditions), body));
}

}  // namespace pc::report
