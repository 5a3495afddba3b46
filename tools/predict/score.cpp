#include "tools/predict/score.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "data/split.h"
#include "kernels/runtime/error.h"

namespace pc {
namespace {

std::vector<std::string> names_of(const std::vector<Head>& heads) {
  std::vector<std::string> names;
  for (const Head& head : heads) names.push_back(head.name);
  return names;
}

std::size_t head_named(const ModelInfo& info, const std::string& name) {
  const auto names = names_of(info.heads);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    fail(Exit::usage, fmt::format("the model has no head \"{}\"; it has {}", name, fmt::join(names, ", ")));
  return std::size_t(found - names.begin());
}

// The head for a data set whose only column is called "label".
std::size_t only_head(const ModelInfo& info, const ScoreSettings& settings) {
  if (!settings.head.empty()) return head_named(info, settings.head);
  if (info.heads.size() == 1) return 0;
  const auto names = names_of(info.heads);
  if (std::find(names.begin(), names.end(), "label") != names.end()) return head_named(info, "label");
  fail(Exit::usage,
       fmt::format("one folder per class gives one label; name its head with --head: {}", fmt::join(names, ", ")));
}

// Names of the columns to score, of those there are.
std::vector<std::string> wanted_columns(const Catalogue& there, const ModelInfo& info, const ScoreSettings& settings,
                                        const std::string& root) {
  std::vector<std::string> wanted = settings.labels;
  const auto& columns = there.columns_there;
  if (wanted.empty())
    for (const Head& head : info.heads)
      if (std::find(columns.begin(), columns.end(), head.name) != columns.end()) wanted.push_back(head.name);
  if (wanted.empty())
    fail(Exit::data, fmt::format("{}: none of the model's heads ({}) is a column there ({})", root,
                                 fmt::join(names_of(info.heads), ", "), fmt::join(columns, ", ")));
  for (const std::string& name : wanted) head_named(info, name);
  return wanted;
}

// The test pictures of the training run. Classes are folded as they were then.
std::vector<std::size_t> held_back_items(Catalogue& catalogue, const ModelInfo& info, const std::string& root) {
  const SplitRecord& record = *info.split;
  if (int64_t(catalogue.items.size()) != record.pictures || files_hash(catalogue) != record.files)
    fail(Exit::data,
         fmt::format("{}: {} pictures, but the model was trained on a data set of {} or of other files: its test pictures "
                     "cannot be told from its training pictures; use --split all on another data set",
                     root, catalogue.items.size(), record.pictures));
  std::vector<int64_t> min_counts;
  for (const std::string& column : catalogue.columns) min_counts.push_back(record.min_counts[head_named(info, column)]);
  fold_rare_classes(catalogue, min_counts, record.rare == "drop" ? RareClasses::drop : RareClasses::other);
  return {record.test.begin(), record.test.end()};
}

std::vector<std::size_t> chosen_items(Catalogue& catalogue, const ModelInfo& info, bool test_only,
                                      const std::string& root) {
  if (test_only && info.split) return held_back_items(catalogue, info, root);
  if (test_only && catalogue.given.empty())
    fail(Exit::data,
         root + ": neither the model file nor the data set says which pictures are for testing; use --split all");
  std::vector<std::size_t> items;
  for (std::size_t i = 0; i < catalogue.items.size(); ++i)
    if (!test_only || catalogue.given[i] == Split::test) items.push_back(i);
  return items;
}

ScoredHead matched(const Catalogue& catalogue, std::size_t column, const ModelInfo& info, std::size_t head) {
  ScoredHead match{.column = column, .head = head, .label_of_class = {}};
  const auto& labels = info.heads[head].labels;
  for (const std::string& name : catalogue.classes[column]) {
    const auto found = std::find(labels.begin(), labels.end(), name);
    match.label_of_class.push_back(found == labels.end() ? -1 : int32_t(found - labels.begin()));
  }
  return match;
}

}  // namespace

ScorePlan plan_score(const std::filesystem::path& root, const ModelInfo& info, const ScoreSettings& settings) {
  ScorePlan plan{.data = open_dataset(root, {}), .heads = {}, .items = {}};
  Catalogue& catalogue = plan.data.catalogue;
  if (plan.data.kind == "kaggle") {
    const auto wanted = wanted_columns(catalogue, info, settings, root.string());
    plan.data = open_dataset(root, wanted);
    plan.items = chosen_items(catalogue, info, settings.test_only, root.string());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      plan.heads.push_back(matched(catalogue, i, info, head_named(info, wanted[i])));
  } else {
    if (!settings.labels.empty() && settings.labels != std::vector<std::string>{"label"})
      fail(Exit::usage, fmt::format("--labels {}: {} has one label per picture; use --head",
                                    fmt::join(settings.labels, ","), root.string()));
    const std::size_t head = only_head(info, settings);
    plan.items = chosen_items(catalogue, info, settings.test_only, root.string());
    plan.heads.push_back(matched(catalogue, 0, info, head));
  }
  if (plan.items.empty()) fail(Exit::data, root.string() + ": no picture to score");
  return plan;
}

ScoreReport score(Predictor& predictor, const ScorePlan& plan, int batch, const EvaluateProgress& progress) {
  ScoreReport report;
  for (const ScoredHead& match : plan.heads) {
    const Head& head = predictor.info().heads[match.head];
    const std::size_t classes = head.labels.size();
    report.heads.push_back(
        {.name = head.name, .classes = int(classes), .confusion = std::vector<int64_t>(classes * classes)});
  }
  const auto& items = plan.data.catalogue.items;
  const auto decode = [&](std::size_t i) { return plan.data.pictures->image(plan.items[i], predictor.decoding()); };
  predict_all(predictor, plan.items.size(), decode, batch, [&](std::size_t i, const Outcome& outcome) {
    if (progress) progress(int64_t(i) + 1);
    if (outcome.code != Exit::ok) return report.bad.push_back(outcome.error);
    ++report.n;
    for (std::size_t h = 0; h < plan.heads.size(); ++h) {
      const int32_t of_class = items[plan.items[i]].labels[plan.heads[h].column];
      const int32_t truth = of_class < 0 ? -1 : plan.heads[h].label_of_class[std::size_t(of_class)];
      const auto& logits = outcome.logits[plan.heads[h].head];
      if (truth < 0)
        ++report.heads[h].unknown;
      else
        report.heads[h].add(truth, int(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    }
  });
  return report;
}

Interval wilson(double share, int64_t count) {
  if (count == 0) return {0, 1};
  constexpr double z = 1.959963984540054;
  const double n = double(count), middle = share + z * z / (2 * n);
  const double reach = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)), scale = 1 + z * z / n;
  return {std::max(0.0, (middle - reach) / scale), std::min(1.0, (middle + reach) / scale)};
}

nlohmann::ordered_json to_json(const ScoreReport& report) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::object();
  const nlohmann::json scores = to_json(report.heads);
  for (const HeadScore& s : report.heads) {
    heads[s.name] = scores.at(s.name);
    const Interval interval = wilson(s.accuracy(), s.n());
    heads[s.name]["low"] = interval.low;
    heads[s.name]["high"] = interval.high;
  }
  return {{"n", report.n}, {"bad", report.bad.size()}, {"heads", heads}};
}

std::string to_table(const ScoreReport& report) {
  std::size_t width = 4;
  for (const HeadScore& s : report.heads) width = std::max(width, s.name.size());
  std::string text = fmt::format("{:<{}} {:>8} {:>8} {:>9}  {:<17} {:>9} {:>9}\n", "head", width, "n", "unknown",
                                 "accuracy", "95 % interval", "macro-F1", "majority");
  for (const HeadScore& s : report.heads) {
    const Interval interval = wilson(s.accuracy(), s.n());
    text += fmt::format("{:<{}} {:>8} {:>8} {:>9.4f}  {:.4f} … {:.4f}   {:>9.4f} {:>9.4f}\n", s.name, width, s.n(),
                        s.unknown, s.accuracy(), interval.low, interval.high, s.macro_f1(), s.majority());
  }
  return text + fmt::format("{} pictures scored, {} could not be read\n", report.n, report.bad.size());
}

}  // namespace pc
