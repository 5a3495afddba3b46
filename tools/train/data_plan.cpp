#include "tools/train/data_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/sampler.h"
#include "kernels/runtime/error.h"
#include "tools/cli/progress.h"

namespace pc {
namespace {

void report(const DataSet& data, const std::vector<std::vector<std::string>>& rare) {
  const Catalogue::Report& r = data.catalogue.report;
  fmt::print(stderr, "data: {} pictures ({}), {} rows repaired, {} repeated, {} rows without a picture, {} pictures without a row\n",
             data.catalogue.items.size(), data.kind, r.repaired_rows, r.duplicate_ids, r.rows_without_picture, r.pictures_without_row);
  for (std::size_t i = 0; i < std::min<std::size_t>(r.notes.size(), 5); ++i) fmt::print(stderr, "data: {}\n", r.notes[i]);
  for (std::size_t c = 0; c < data.catalogue.columns.size(); ++c)
    fmt::print(stderr, "data: {}: {} classes, {} rare ones folded\n", data.catalogue.columns[c], data.catalogue.classes[c].size(),
               rare[c].size());
}

// Pictures that cannot be read are listed, and stop the run where they are too many.
std::vector<bool> check_bad(const ImageStore& store, double max_bad) {
  std::vector<bool> bad(store.size());
  for (const BadPicture& picture : store.bad()) bad[picture.item] = true;
  const auto count = store.bad().size();
  for (std::size_t i = 0; i < std::min<std::size_t>(count, 5); ++i)
    fmt::print(stderr, "data: skipped {}\n", store.bad()[i].reason);
  if (count > 5) fmt::print(stderr, "data: skipped {} more unreadable pictures\n", count - 5);
  if (double(count) > max_bad * double(store.size()))
    fail(Exit::data, fmt::format("{} of {} pictures cannot be read, more than data.max_bad = {}; the first: {}", count, store.size(), max_bad,
                                 store.bad().front().reason));
  return bad;
}

}  // namespace

std::vector<Head> DataPlan::heads() const {
  std::vector<Head> heads;
  for (std::size_t i = 0; i < catalogue.columns.size(); ++i) heads.push_back({catalogue.columns[i], catalogue.classes[i]});
  return heads;
}

DataPlan plan_data(const TrainConfig& config) {
  DataSet data = open_dataset(config.data.root, config.data.labels);
  const auto rare = fold_rare_classes(data.catalogue, config.data.min_count,
                                      config.data.rare == "other" ? RareClasses::other : RareClasses::drop);
  check_classes(data.catalogue);
  report(data, rare);
  const std::vector<Split> split =
      make_split(data.catalogue, {.val = config.data.val, .test = config.data.test, .seed = uint64_t(config.data.seed), .column = 0});

  DataPlan plan;
  {
    Progress progress("packing", int64_t(data.catalogue.items.size()));
    plan.store = open_store(data, store_settings(config.model.height, config.model.width), config.data.cache,
                            [&](int64_t done, int64_t) { progress.update(done); });
  }
  const std::vector<bool> bad = check_bad(*plan.store, config.data.max_bad);
  for (uint32_t i = 0; i < split.size(); ++i) {
    if (bad[i]) continue;
    (split[i] == Split::train ? plan.train : split[i] == Split::val ? plan.val : plan.test).push_back(i);
  }
  if (config.data.limit > 0 && std::size_t(config.data.limit) < plan.train.size()) {
    shuffle(plan.train, uint64_t(config.data.seed), ShuffleStream::split, 1);
    plan.train.resize(std::size_t(config.data.limit));
    std::sort(plan.train.begin(), plan.train.end());
  }
  if (plan.train.size() < 2) fail(Exit::data, config.data.root + ": fewer than two training pictures");
  fmt::print(stderr, "data: {} to train, {} to validate, {} to test\n", plan.train.size(), plan.val.size(), plan.test.size());
  plan.catalogue = std::move(data.catalogue);
  return plan;
}

}  // namespace pc
