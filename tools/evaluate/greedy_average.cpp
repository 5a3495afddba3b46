#include "tools/evaluate/greedy_average.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/cli/progress.h"
#include "tools/cli/terminal.h"
#include "tools/evaluate/score.h"
#include "tools/runs/split_file.h"
#include "tools/weights/read_model.h"

namespace pc::evaluate {
namespace {

// Who trained, validated and tested in the run that made the model.
std::vector<data::Split> split_of(const std::filesystem::path& model, const data::Catalog& catalog) {
  const auto path = model.parent_path() / "split.csv";
  if (!path_exists(path))
    fail(Exit::data, fmt::format("{}: there is no {} to say which images validated it; a run of pctrain writes one",
                                 model.string(), path.string()));
  const std::vector<data::Split> split = runs::read_split(path, catalog);
  std::vector<uint32_t> test;
  for (uint32_t i = 0; i < split.size(); ++i)
    if (split[i] == data::Split::test) test.push_back(i);
  const auto record = weights::read_model(model).info.split;
  if (!record || record->test != test)
    fail(Exit::data, fmt::format("{}: is of another run than {}, which held back other images for the test",
                                 path.string(), model.string()));
  return split;
}

std::vector<std::size_t> validated_all(const std::vector<std::string>& models, const data::Catalog& catalog) {
  std::vector<bool> all(catalog.items.size(), true);
  for (const std::string& model : models) {
    const std::vector<data::Split> split = split_of(model, catalog);
    for (std::size_t i = 0; i < split.size(); ++i) all[i] = all[i] && split[i] == data::Split::val;
  }
  std::vector<std::size_t> items;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i]) items.push_back(i);
  if (items.empty())
    fail(Exit::data, "no image validated every one of the models; train them on one split (data.val, data.split_file)");
  return items;
}

// The mean over the heads that have labels here.
double accuracy_of(predict::Predictor predictor, const ScorePlan& plan, const std::string& what) {
  constexpr int kBatch = 32;
  cli::Progress progress(what, int64_t(plan.items.size()));
  const Answers answers =
      answer_all(predictor, plan, as_trained(predictor, plan), kBatch, [&](int64_t done) { progress.update(done); });
  if (!answers.bad.empty()) fail(Exit::data, answers.bad.front());
  double sum = 0, heads = 0;
  for (const HeadReport& head : make_report(plan, predictor.info(), answers).heads)
    if (head.score.n() > 0) sum += head.score.accuracy(), ++heads;
  return heads > 0 ? sum / heads : 0;
}

}  // namespace

std::vector<std::string> GreedyAverage::taken() const {
  std::vector<std::string> models;
  for (const Candidate& one : candidates)
    if (one.taken) models.push_back(one.model);
  return models;
}

GreedyAverage greedy_average(const std::vector<std::string>& models, const std::filesystem::path& data,
                             const MakeMean& make_mean) {
  const ModelInfo info = weights::read_model(models.front()).info;
  // For its test pictures: that refuses another data set than the training's, and folds rare classes as it did.
  ScorePlan plan = plan_score(data, info, {.test_only = true});
  plan.items = validated_all(models, plan.data.catalog);
  GreedyAverage average{.n = int64_t(plan.items.size())};
  for (const std::string& model : models)
    average.candidates.push_back({.model = model, .alone = accuracy_of(make_mean({model}), plan, "scoring " + model)});
  std::stable_sort(average.candidates.begin(), average.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.alone > b.alone; });
  double best = 0;
  for (Candidate& next : average.candidates) {
    std::vector<std::string> together = average.taken();
    together.push_back(next.model);
    next.mean = together.size() == 1 ? next.alone : accuracy_of(make_mean(together), plan, "scoring the mean");
    next.taken = next.mean >= best;
    if (next.taken) best = next.mean;
  }
  return average;
}

std::string to_table(const GreedyAverage& average) {
  std::string text = fmt::format("{:>9} {:>9} {:>9}  {:<8}  model\n", "images", "alone", "in mean", "");
  for (const Candidate& one : average.candidates)
    text += fmt::format("{:>9} {:>9.4f} {:>9.4f}  {:<8}  {}\n", average.n, one.alone, one.mean,
                        one.taken ? "taken" : "left out", visible(one.model));
  return text;
}

}  // namespace pc::evaluate
