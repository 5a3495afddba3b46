#include "tools/evaluate/score_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/cli/terminal.h"

namespace pc::evaluate {
namespace {

// One row of the table of classes; a share without anything to count is not there.
struct ClassRow {
  std::string name;
  int64_t n = 0;
  std::optional<double> recall, precision, f1;
  std::string mistaken_for;  // the most frequent incorrect label
  int64_t mistaken = 0;
};

ClassRow row_of(const HeadReport& head, int truth) {
  const HeadScore& s = head.score;
  const int64_t n = s.pictures(truth), hits = s.hits(truth), named = hits + s.claims(truth);
  ClassRow row{.name = head.classes[std::size_t(truth)], .n = n};
  if (n) row.recall = double(hits) / double(n);
  if (n && named) row.precision = double(hits) / double(named);
  if (n) row.f1 = 2 * double(hits) / double(n + named);
  for (int p = 0; p < s.classes; ++p) {
    const int64_t count = s.confusion[std::size_t(truth) * std::size_t(s.classes) + std::size_t(p)];
    if (!s.is_correct(truth, p) && count > row.mistaken)
      row.mistaken = count, row.mistaken_for = head.labels[std::size_t(p)];
  }
  return row;
}

// The classes of the counts, then those that cannot be scored, with their number alone.
std::vector<ClassRow> class_rows(const HeadReport& head) {
  std::vector<ClassRow> rows;
  const auto unscored = [&](const std::string& name) {
    return std::any_of(head.unscored.begin(), head.unscored.end(), [&](const auto& u) { return u.first == name; });
  };
  for (int truth = 0; truth < head.score.truths(); ++truth)
    if (!unscored(head.classes[std::size_t(truth)])) rows.push_back(row_of(head, truth));
  for (const auto& [name, n] : head.unscored)
    if (!name.empty()) rows.push_back({.name = name, .n = n});
  return rows;
}

nlohmann::ordered_json classes_json(const HeadReport& head) {
  const auto share = [](const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json classes = nlohmann::ordered_json::object();
  for (const ClassRow& row : class_rows(head)) {
    const Interval interval = wilson(row.recall.value_or(0), row.n);
    classes[row.name] = {
        {"n", row.n},
        {"recall", share(row.recall)},
        {"low", row.recall ? nlohmann::ordered_json(interval.low) : nlohmann::ordered_json()},
        {"high", row.recall ? nlohmann::ordered_json(interval.high) : nlohmann::ordered_json()},
        {"precision", share(row.precision)},
        {"f1", share(row.f1)},
        {"mistaken_for", row.mistaken ? nlohmann::ordered_json(row.mistaken_for) : nlohmann::ordered_json()},
        {"mistaken", row.mistaken}};
  }
  return classes;
}

std::string classes_table(const HeadReport& head) {
  const auto rows = class_rows(head);
  std::size_t wide = 5;
  for (const ClassRow& row : rows) wide = std::max(wide, cli::width(row.name));
  const auto share = [](const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; };
  std::string text = fmt::format("\n{}\n{} {:>6} {:>7}  {:<17} {:>9} {:>7}  {}\n", visible(head.score.name),
                                 cli::padded("class", wide), "n", "recall", "95 % interval", "precision", "F1",
                                 "most often mistaken for");
  for (const ClassRow& row : rows) {
    const Interval interval = wilson(row.recall.value_or(0), row.n);
    text += fmt::format(
        "{} {:>6} {:>7}  {:<17} {:>9} {:>7}  {}\n", cli::padded(visible(row.name), wide), row.n, share(row.recall),
        row.recall ? fmt::format("{:.4f} … {:.4f}", interval.low, interval.high) : "-", share(row.precision),
        share(row.f1), row.mistaken ? fmt::format("{} ({})", visible(row.mistaken_for), row.mistaken) : "-");
  }
  return text;
}

// "3 pictures cannot be scored: sari (2), no label (1)"
std::string unscored_line(const HeadReport& head) {
  constexpr std::size_t kMost = 12;
  std::string names;
  for (std::size_t i = 0; i < std::min(kMost, head.unscored.size()); ++i) {
    const auto& [name, n] = head.unscored[i];
    names += fmt::format("{}{} ({})", i ? ", " : "", name.empty() ? "no label" : visible(name), n);
  }
  if (head.unscored.size() > kMost) names += fmt::format(" and {} more classes", head.unscored.size() - kMost);
  return fmt::format("{}: {} images not scored, of classes that it cannot name or that are left out: {}\n",
                     visible(head.score.name), head.score.unknown, names);
}

nlohmann::ordered_json named_json(const NamedScore& named) {
  const auto share = [](int64_t part, int64_t whole) {
    return whole ? nlohmann::ordered_json(double(part) / double(whole)) : nlohmann::ordered_json();
  };
  return {{"accuracy", share(named.correct, named.n)},
          {"sure", share(named.confident, named.n)},
          {"precision", share(named.confident_correct, named.confident)}};
}

// "articleType: 0.8664 correct as pcpredict names it; confident in 71.2 %, of which 95.4 % correct (95 wanted)"
std::string named_line(const HeadReport& head, const ScoreReport& report) {
  const NamedScore& named = head.named;
  if (named.n == 0) return "";
  std::string text = fmt::format("{}: {:.4f} correct as pcpredict names it", visible(head.score.name),
                                 double(named.correct) / double(named.n));
  if (!report.verdicts.empty())
    text += fmt::format("; confident in {:.1f} %", 100 * double(named.confident) / double(named.n));
  if (named.confident > 0)
    text += fmt::format(", of which {:.1f} % correct ({} wanted)",
                        100 * double(named.confident_correct) / double(named.confident), report.percent);
  return text + "\n";
}

// "accepted 61.0 %, need review 38.0 %, unlike the training images 1.0 %"
std::string verdict_line(const ScoreReport& report) {
  std::vector<std::string> parts;
  for (const auto& [verdict, n] : report.verdicts)
    parts.push_back(
        fmt::format("{} {:.1f} %", predict::counted_text(verdict, report.n), 100 * double(n) / double(report.n)));
  return parts.empty() ? "" : fmt::format("{}\n", fmt::join(parts, ", "));
}

std::vector<HeadScore> scores_of(const ScoreReport& report) {
  std::vector<HeadScore> scores;
  for (const HeadReport& head : report.heads) scores.push_back(head.score);
  return scores;
}

}  // namespace

nlohmann::ordered_json to_json(const ScoreReport& report, bool per_class) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::object();
  const nlohmann::json scores = to_json(scores_of(report));
  for (const HeadReport& head : report.heads) {
    auto& j = heads[head.score.name] = scores.at(head.score.name);
    j["named"] = named_json(head.named);
    j["unscored"] = nlohmann::ordered_json::object();
    for (const auto& [name, n] : head.unscored) j["unscored"][name] = n;
    if (per_class) j["classes"] = classes_json(head);
  }
  nlohmann::ordered_json j{{"n", report.n}, {"bad", report.bad.size()}, {"heads", heads}};
  if (!report.verdicts.empty()) j["verdicts"]["percent"] = report.percent;
  for (const auto& [verdict, n] : report.verdicts) j["verdicts"][predict::text_of(verdict)] = n;
  return j;
}

std::string to_table(const ScoreReport& report, bool per_class) {
  std::string text = to_table(scores_of(report));
  for (const HeadReport& head : report.heads)
    if (!head.unscored.empty()) text += unscored_line(head);
  for (const HeadReport& head : report.heads) text += named_line(head, report);
  text += verdict_line(report);
  text += fmt::format("{} images scored, {} could not be read\n", report.n, report.bad.size());
  if (per_class)
    for (const HeadReport& head : report.heads) text += classes_table(head);
  return text;
}

}  // namespace pc::evaluate
