#include "tools/evaluate/score.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "data/name_key.h"
#include "data/split.h"
#include "kernels/base/error.h"
#include "tools/predict/stream.h"

namespace pc::evaluate {
namespace {

std::size_t head_named(const ModelInfo& info, const std::string& name) {
  const auto names = info.head_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    fail(Exit::usage, fmt::format("the model has no head \"{}\"; it has {}", name, fmt::join(names, ", ")));
  return std::size_t(found - names.begin());
}

// The head for a data set with one label per picture.
std::size_t only_head(const ModelInfo& info, const ScoreSettings& settings) {
  if (!settings.head.empty()) return head_named(info, settings.head);
  if (info.heads.size() == 1) return 0;
  if (const int best = settings.map.best_head(info.heads); best >= 0) return std::size_t(best);
  const auto names = info.head_names();
  if (std::find(names.begin(), names.end(), "label") != names.end()) return head_named(info, "label");
  fail(Exit::usage, fmt::format("the images have one label, the model several heads; name one with --head: {}",
                                fmt::join(names, ", ")));
}

// The one column of a data set of several that a map or a single head is about.
std::string one_column(const ScoreSettings& settings) {
  if (settings.labels.size() == 1) return settings.labels.front();
  if (settings.labels.empty() && !settings.head.empty()) return settings.head;
  fail(Exit::usage, "--map and --head are about one column; name it with --labels");
}

// Names of the columns to score, of those there are.
std::vector<std::string> wanted_columns(const data::Catalog& there, const ModelInfo& info,
                                        const ScoreSettings& settings, const std::string& root) {
  if (!settings.map.empty() || !settings.head.empty()) return {one_column(settings)};
  std::vector<std::string> wanted = settings.labels;
  const auto& columns = there.columns_there;
  if (wanted.empty())
    for (const Head& head : info.heads)
      if (std::find(columns.begin(), columns.end(), head.name) != columns.end()) wanted.push_back(head.name);
  if (wanted.empty())
    fail(Exit::data, fmt::format("{}: none of the model's heads ({}) is a column there ({})", root,
                                 fmt::join(info.head_names(), ", "), fmt::join(columns, ", ")));
  for (const std::string& name : wanted) head_named(info, name);
  return wanted;
}

// Opens the data set with the columns to score and returns their names.
std::vector<std::string> open_columns(data::DataSet& data, const ModelInfo& info, const ScoreSettings& settings,
                                      const std::filesystem::path& root) {
  data = data::open_dataset(root, {});
  if (data.kind != "kaggle") {
    if (!settings.labels.empty() && settings.labels != std::vector<std::string>{"label"})
      fail(Exit::usage, fmt::format("--labels {}: {} has one label per image; use --head",
                                    fmt::join(settings.labels, ","), root.string()));
    return {"label"};
  }
  const auto wanted = wanted_columns(data.catalog, info, settings, root.string());
  data = data::open_dataset(root, wanted);
  return wanted;
}

bool is_of_training(const data::Catalog& catalog, const ModelInfo& info) {
  return info.split && int64_t(catalog.items.size()) == info.split->pictures &&
         data::files_hash(catalog) == info.split->files;
}

// The test pictures of the training run. Classes are folded as they were then.
std::vector<std::size_t> held_back_items(data::Catalog& catalog, const ModelInfo& info, const std::string& root) {
  const SplitRecord& record = *info.split;
  if (!is_of_training(catalog, info))
    fail(Exit::data,
         fmt::format("{}: {} images, but the model was trained on a data set of {} or of other files: its test images "
                     "cannot be told from its training images; use --split all on another data set",
                     root, catalog.items.size(), record.pictures));
  std::vector<int64_t> min_counts;
  for (const std::string& column : catalog.columns) min_counts.push_back(record.min_counts[head_named(info, column)]);
  data::fold_rare_classes(catalog, min_counts,
                          record.rare == "drop" ? data::RareClasses::drop : data::RareClasses::other);
  return {record.test.begin(), record.test.end()};
}

std::vector<std::size_t> chosen_items(data::Catalog& catalog, const ModelInfo& info, bool test_only,
                                      const std::string& root) {
  if (test_only && info.split) return held_back_items(catalog, info, root);
  if (test_only && catalog.given.empty())
    fail(Exit::data,
         root + ": neither the model file nor the data set says which images are for testing; use --split all");
  std::vector<std::size_t> items;
  for (std::size_t i = 0; i < catalog.items.size(); ++i)
    if (!test_only || catalog.given[i] == data::Split::test) items.push_back(i);
  return items;
}

ScoredHead matched(const data::Catalog& catalog, std::size_t column, const ModelInfo& info, std::size_t head,
                   const ClassMap& map) {
  ScoredHead match{.column = column, .head = head, .truth_of_class = {}};
  const auto &labels = info.heads[head].labels, &classes = catalog.classes[column];
  if (!map.empty()) match.correct = map.correct_labels(classes, labels);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const auto label = data::find_name(labels, classes[c]);
    if (map.empty())
      match.truth_of_class.push_back(label ? int32_t(*label) : -1);
    else
      match.truth_of_class.push_back(match.correct[c].empty() ? -1 : int32_t(c));
  }
  return match;
}

}  // namespace

bool ScoredHead::scores_anything() const {
  return std::any_of(truth_of_class.begin(), truth_of_class.end(), [](int32_t truth) { return truth >= 0; });
}

ScorePlan plan_score(const std::filesystem::path& root, const ModelInfo& info, const ScoreSettings& settings) {
  ScorePlan plan;
  data::Catalog& catalog = plan.data.catalog;
  const auto columns = open_columns(plan.data, info, settings, root);
  const bool by_name = plan.data.kind == "kaggle" && settings.map.empty() && settings.head.empty();
  std::vector<std::size_t> heads;
  for (const std::string& column : columns)
    heads.push_back(by_name ? head_named(info, column) : only_head(info, settings));
  // Before the test pictures are found: then rare classes are folded as they were for the training.
  if (!settings.map.empty()) settings.map.check_classes(catalog.classes[0], root.string());
  plan.of_training = is_of_training(catalog, info);
  const bool test_only = settings.test_only || (settings.test_if_known && plan.of_training);
  plan.items = chosen_items(catalog, info, test_only, root.string());
  if (plan.items.empty()) fail(Exit::data, root.string() + ": no image to score");
  for (std::size_t i = 0; i < heads.size(); ++i) {
    ScoredHead& head = plan.heads.emplace_back(matched(catalog, i, info, heads[i], settings.map));
    const std::vector<int64_t> counts = data::class_counts(catalog, i);
    for (std::size_t c = 0; c < counts.size(); ++c)
      if (counts[c] < settings.min_count) head.truth_of_class[c] = -1;
  }
  return plan;
}

int32_t truth_of(const ScorePlan& plan, std::size_t h, std::size_t i) {
  const int32_t of_class = plan.data.catalog.items[plan.items[i]].labels[plan.heads[h].column];
  return of_class < 0 ? -1 : plan.heads[h].truth_of_class[std::size_t(of_class)];
}

Decode as_trained(const predict::Predictor& predictor, const ScorePlan& plan) {
  return [&](std::size_t i) { return plan.data.images->image(plan.items[i], predictor.decoding()); };
}

Answers answer_all(predict::Predictor& predictor, const ScorePlan& plan, const Decode& decode, int batch,
                   const std::function<void(int64_t done)>& progress,
                   const std::function<void(std::size_t, const predict::Logits&)>& sink) {
  Answers answers;
  answers.labels.assign(plan.heads.size(), std::vector<int32_t>(plan.items.size(), -1));
  predict::predict_all(
      predictor, plan.items.size(), decode, batch, [&](std::size_t i, const predict::Outcome& outcome) {
        if (progress) progress(int64_t(i) + 1);
        if (outcome.code != Exit::ok) return answers.bad.push_back(outcome.error);
        ++answers.n;
        if (sink) sink(i, outcome.logits);
        for (std::size_t h = 0; h < plan.heads.size(); ++h) {
          const auto& logits = outcome.logits[plan.heads[h].head];
          answers.labels[h][i] = int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
        }
      });
  return answers;
}

ScoreReport make_report(const ScorePlan& plan, const ModelInfo& info, const Answers& answers) {
  ScoreReport report{.n = answers.n, .heads = {}, .bad = answers.bad};
  const data::Catalog& catalog = plan.data.catalog;
  for (std::size_t h = 0; h < plan.heads.size(); ++h) {
    const ScoredHead& match = plan.heads[h];
    const Head& head = info.heads[match.head];
    const bool mapped = !match.correct.empty();
    HeadReport one{
        .score = {.name = head.name, .classes = int(head.labels.size()), .confusion = {}, .correct = match.correct},
        .classes = mapped ? catalog.classes[match.column] : head.labels,
        .labels = head.labels,
        .unscored = {}};
    one.score.confusion.resize(one.classes.size() * head.labels.size());
    std::map<std::string, int64_t> unscored;
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
      const int32_t answer = answers.labels[h][i], truth = truth_of(plan, h, i);
      if (answer < 0) continue;
      if (truth >= 0) {
        one.score.add(truth, answer);
        continue;
      }
      ++one.score.unknown;
      const int32_t of_class = catalog.items[plan.items[i]].labels[match.column];
      ++unscored[of_class < 0 ? "" : catalog.classes[match.column][std::size_t(of_class)]];
    }
    one.unscored.assign(unscored.begin(), unscored.end());
    report.heads.push_back(std::move(one));
  }
  return report;
}

void Naming::add(std::size_t i, const predict::Logits& logits) {
  const std::vector<predict::Named> named = predict::named_labels(info_, logits, percent_);
  if (info_.calibration) ++verdicts_[predict::verdict_of(info_, logits, named)];
  for (std::size_t h = 0; h < heads_.size(); ++h) {
    const ScoredHead& match = plan_.heads[h];
    const predict::Named& one = named[match.head];
    const int32_t truth = truth_of(plan_, h, i);
    if (truth < 0) continue;
    const bool correct = one.label >= 0 && HeadScore{.correct = match.correct}.is_correct(truth, one.label);
    ++heads_[h].n;
    heads_[h].correct += correct;
    heads_[h].confident += one.confident;
    heads_[h].confident_correct += one.confident && correct;
  }
}

void Naming::enter(ScoreReport& report) const {
  report.percent = percent_;
  report.verdicts = verdicts_;
  for (std::size_t h = 0; h < heads_.size(); ++h) report.heads[h].named = heads_[h];
}

}  // namespace pc::evaluate
