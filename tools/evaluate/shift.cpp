#include "tools/evaluate/shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "data/corrupt.h"
#include "data/resize.h"
#include "data/sampler.h"
#include "data/store.h"
#include "kernels/base/error.h"
#include "tools/cli/progress.h"
#include "tools/evaluate/contenders.h"
#include "tools/predict/adapt.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 1;

std::vector<std::size_t> sample_of(const std::vector<std::size_t>& items, int64_t limit) {
  std::vector<std::size_t> sample;
  for (const uint32_t i : epoch_order(uint32_t(items.size()), kSeed, 0))
    if (int64_t(sample.size()) < limit) sample.push_back(items[i]);
  std::sort(sample.begin(), sample.end());
  return sample;
}

// Of each picture of a plan: 1 correct, 0 incorrect, -1 it cannot be scored or read.
using Verdicts = std::vector<int>;

using Change = std::function<Image(const Image&, std::size_t item)>;

// A model at work, row after row.
class Runner {
 public:
  // Pictures that are changed have the short side that the model with the largest input wants, so that all models see
  // the same.
  Runner(const Contender& model, const ShiftSettings& settings, int side, std::function<void()> picture_done,
         std::set<std::string>& bad)
      : predictor_(open_predictor(model.path, settings.network)),
        settings_(settings.network),
        side_(side),
        picture_done_(std::move(picture_done)),
        bad_(bad) {
    if (settings_.adapt) adapter_.emplace(predictor_);
  }

  // Without a change each model gets the pictures as its training did.
  Verdicts run(const ScorePlan& plan, const Change& change = {}) {
    const Decode changed = [&](std::size_t i) {
      const Image image = plan.data.images->image(plan.items[i], {.min_side = side_});
      return change(resize_to_short_side(image, side_), plan.items[i]);
    };
    const Decode decode = change ? changed : as_trained(predictor_, plan);
    if (adapter_) adapter_->adapt(plan.items.size(), decode, settings_.batch);
    const Answers answers = answer_all(predictor_, plan, decode, settings_.batch, [&](int64_t) { picture_done_(); });
    bad_.insert(answers.bad.begin(), answers.bad.end());
    const HeadScore rules{.correct = plan.heads[0].correct};
    Verdicts verdicts;
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
      const int truth = truth_of(plan, 0, i), answer = answers.labels[0][i];
      verdicts.push_back(truth < 0 || answer < 0 ? -1 : rules.is_correct(truth, answer));
    }
    return verdicts;
  }

 private:
  Predictor predictor_;
  std::optional<NormAdapter> adapter_;
  NetworkOptions settings_;
  int side_;
  std::function<void()> picture_done_;
  std::set<std::string>& bad_;
};

// Counts the pictures that have a verdict, in `before` too where there is one, and that `counts` lets pass.
ShiftCell count(const ScorePlan& plan, const Verdicts& verdicts, const Verdicts* before = nullptr,
                const std::function<bool(std::size_t i)>& counts = {}) {
  ShiftCell cell;
  std::map<int32_t, std::pair<int64_t, int64_t>> classes;  // correct, all
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i] < 0 || (before && (*before)[i] < 0)) continue;
    if (counts && !counts(i)) continue;
    const int32_t truth = truth_of(plan, 0, i);
    ++cell.n, ++classes[truth].second;
    cell.correct += verdicts[i], classes[truth].first += verdicts[i];
    if (before) cell.lost += (*before)[i] > verdicts[i], cell.gained += (*before)[i] < verdicts[i];
  }
  for (const auto& [truth, c] : classes)
    cell.macro_recall += double(c.first) / double(c.second) / double(classes.size());
  return cell;
}

Image undisturbed(const Image& image, std::size_t) { return image; }

// What is done to the sample, with the row's name.
struct Disturbance {
  std::string name, strength;
  Change change;
};

std::vector<Disturbance> disturbances() {
  std::vector<Disturbance> all;
  for (const Corruption kind : kCorruptions)
    for (int severity = 1; severity <= kSeverities; ++severity)
      all.push_back({name_of(kind), strength_of(kind, severity), [=](const Image& image, std::size_t item) {
                       return corrupt(image, kind, severity, kSeed, item);
                     }});
  return all;
}

// The pictures and classes that all models share.
struct Common {
  std::vector<std::size_t> items, sample;
  std::set<std::string> classes;  // of the photos
};

// The table without its cells.
std::vector<ShiftRow> rows_of(const ShiftSettings& settings) {
  std::vector<ShiftRow> rows = {{.name = settings.test_only ? "test pictures" : "all pictures"}};
  if (settings.limit > 0) {
    rows.push_back({.name = "sample", .strength = "undisturbed"});
    for (const Disturbance& d : disturbances())
      rows.push_back({.name = d.name, .strength = d.strength, .paired = true});
  }
  if (settings.photos.empty()) return rows;
  rows.push_back({.name = "photos", .strength = "classes it can name"});
  rows.push_back({.name = "photos", .strength = "classes all can name"});
  return rows;
}

// One model's cells, in the order of the rows.
std::vector<ShiftCell> column_of(Contender& model, Runner& runner, const Common& common, bool disturbed) {
  const std::vector<Disturbance> all = disturbances();
  std::vector<ShiftCell> cells(disturbed ? 2 + all.size() : 1);
  if (model.data && disturbed) {
    ScorePlan& plan = *model.data;
    plan.items = common.sample;
    const Verdicts before = runner.run(plan, undisturbed);
    cells[0] = cells[1] = count(plan, before);
    for (std::size_t d = 0; d < all.size(); ++d) cells[2 + d] = count(plan, runner.run(plan, all[d].change), &before);
  }
  if (model.data && common.sample.size() < common.items.size()) {
    model.data->items = common.items;
    cells[0] = count(*model.data, runner.run(*model.data));
  }
  cells.resize(cells.size() + 2);
  if (model.photos) {
    const ScorePlan& plan = *model.photos;
    const Catalog& there = plan.data.catalog;
    const Verdicts verdicts = runner.run(plan);
    cells[cells.size() - 2] = count(plan, verdicts);
    cells.back() = count(plan, verdicts, nullptr, [&](std::size_t i) {
      return common.classes.contains(there.classes[0][std::size_t(there.items[plan.items[i]].labels[0])]);
    });
  }
  return cells;
}

// Pictures through the networks, all models and rows.
int64_t work_of(const std::vector<Contender>& models, const Common& common) {
  int64_t pictures = 0;
  for (const Contender& model : models) {
    if (model.data) pictures += int64_t(common.sample.size() * (1 + disturbances().size()));
    if (model.data && common.sample.size() < common.items.size()) pictures += int64_t(common.items.size());
    if (model.photos) pictures += int64_t(model.photos->items.size());
  }
  return pictures;
}

// Alone, on its own test pictures: they are no other model's.
ShiftCell held_out_cell(const NamedModel& model, const ShiftSettings& settings, std::set<std::string>& bad) {
  ShiftSettings own = settings;
  own.models = {model.path};
  own.photos.clear();
  own.test_only = true;
  std::string label;
  const Contender contender = std::move(line_up(own, label).front());
  if (!contender.data)
    fail(Exit::data, fmt::format("{}: {} knows none of the labels there", settings.data, model.path));
  Progress progress(model.name, int64_t(contender.data->items.size()));
  int64_t done = 0;
  Runner runner(
      contender, settings, 0, [&] { progress.update(++done); }, bad);
  return count(*contender.data, runner.run(*contender.data));
}

std::string short_name(const fs::path& path) {
  return path.filename() == "model.safetensors" && path.has_parent_path() ? path.parent_path().filename().string()
                                                                          : path.stem().string();
}

}  // namespace

ShiftReport measure_shift(const ShiftSettings& settings) {
  ShiftReport report{.data = settings.data, .photos = settings.photos, .network = settings.network};
  std::vector<Contender> models = line_up(settings, report.label);
  Common common{.items = common_items(models, settings.data), .sample = {}, .classes = common_classes(models)};
  common.sample = sample_of(common.items, settings.limit);
  report.sample = int64_t(common.sample.size());
  report.common_classes.assign(common.classes.begin(), common.classes.end());
  report.unknown_labels = unknown_labels(models, settings.map);
  report.rows = rows_of(settings);
  const int64_t total = work_of(models, common);
  if (total == 0) fail(Exit::data, settings.data + ": no model knows any of the labels there");
  int side = 0;
  for (const Contender& model : models)
    side = std::max(
        side, decode_settings(store_settings(model.info.preprocess.height, model.info.preprocess.width)).min_side);
  Progress progress("scoring", total);
  int64_t done = 0;
  std::set<std::string> bad;
  for (Contender& model : models) {
    report.models.push_back(short_name(model.path));
    report.heads.push_back(model.head);
    Runner runner(
        model, settings, side, [&] { progress.update(++done); }, bad);
    const auto cells = column_of(model, runner, common, settings.limit > 0);
    for (std::size_t r = 0; r < report.rows.size(); ++r) report.rows[r].cells.push_back(cells[r]);
  }
  for (const NamedModel& model : settings.held_out)
    report.held_out.push_back({model, held_out_cell(model, settings, bad)});
  report.bad.assign(bad.begin(), bad.end());
  return report;
}

}  // namespace pc
