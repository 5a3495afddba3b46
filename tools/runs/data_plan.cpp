#include "tools/runs/data_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/describe.h"
#include "data/name_key.h"
#include "data/near_duplicates.h"
#include "data/sampler.h"
#include "kernels/base/error.h"
#include "kernels/base/logger.h"
#include "tools/cli/progress.h"
#include "tools/cli/terminal.h"
#include "tools/runs/auto_config.h"
#include "tools/runs/split_file.h"

namespace pc::runs {
namespace {

void report(const data::DataSet& data, const std::vector<std::vector<std::string>>& rare) {
  data::print_description(data);
  const data::Catalog::Report& r = data.catalog.report;
  struct Odd {
    int64_t count;
    const char *noun, *what;
  };
  for (const Odd& odd :
       {Odd{r.repaired_rows, "row", "repaired"},
        {r.duplicate_ids, "row", "with an id that came before"},
        {r.rows_without_image, "row", "without an image"},
        {r.images_without_row, "image", data.kind == "kaggle" ? "without a row" : "in no class folder"}})
    if (odd.count > 0) note("data: {} {}", cli::counted(odd.count, odd.noun), odd.what);
  for (std::size_t i = 0; i < std::min<std::size_t>(r.notes.size(), 5); ++i) warn("data: {}", r.notes[i]);
  for (std::size_t c = 0; c < data.catalog.columns.size(); ++c)
    if (!rare[c].empty())
      note("data: {}: {} rare classes folded: {}", data.catalog.columns[c], rare[c].size(), data::some_names(rare[c]));
}

// Where the split comes from.
std::string split_source(const TrainConfig& config, const data::DataSet& data) {
  if (!config.data.split_file.empty()) return config.data.split_file;
  const std::string& how = config.data.split;
  const bool given = !data.catalog.given.empty() && (how == "safe" || how == "random");
  const std::string drawn = how == "safe"     ? "near duplicates and products of one name on one side"
                            : how == "random" ? "image by image"
                            : how == "year"   ? "the newest years to test"
                                              : "brand by brand";
  if (!given) return fmt::format("drawn, {} (data.split = {})", drawn, how);
  const bool has_val = std::count(data.catalog.given.begin(), data.catalog.given.end(), data::Split::val) > 0;
  return data.split_from + (has_val ? "" : ", validation drawn from training");
}

// Pictures that cannot be read are listed, and stop the run where they are too many.
std::vector<bool> check_bad(const data::ImageStore& store, double max_bad) {
  std::vector<bool> bad(store.size());
  for (const data::BadImage& picture : store.bad()) bad[picture.item] = true;
  const auto count = store.bad().size();
  for (std::size_t i = 0; i < std::min<std::size_t>(count, 5); ++i) warn("data: skipped {}", store.bad()[i].reason);
  if (count > 5) warn("data: skipped {} more unreadable images", count - 5);
  if (double(count) > max_bad * double(store.size()))
    fail(Exit::data, fmt::format("{} of {} images cannot be read, more than data.max_bad = {}; the first: {}", count,
                                 store.size(), max_bad, store.bad().front().reason));
  return bad;
}

data::ItemGroups find_groups(const data::Catalog& catalog, const data::ImageStore& store) {
  cli::Progress progress("finding near duplicates", int64_t(store.size()));
  data::Grouping groups(store.size());
  groups.join(
      data::near_duplicate_groups(data::signatures_of(store, [&](int64_t done, int64_t) { progress.update(done); })));
  groups.join_equal(data::name_keys(catalog.names));
  return groups.large();
}

void report_groups(const data::ItemGroups& groups) {
  std::size_t pictures = 0, largest = 0;
  for (const auto& group : groups) pictures += group.size(), largest = std::max(largest, group.size());
  if (!groups.empty())
    note("data: {} groups of near duplicates or equal names hold {} images, the largest {}", groups.size(), pictures,
         largest);
}

// The split that data.split asks for.
std::vector<data::Split> draw_split(const TrainConfig& config, const data::DataSet& data,
                                    const data::ItemGroups& groups) {
  const std::string& how = config.data.split;
  data::SplitSettings settings{.val = config.data.val, .test = config.data.test, .seed = uint64_t(config.data.seed)};
  if (how == "random") return data::make_split(data.catalog, {}, settings);
  if (how == "safe") return data::make_split(data.catalog, groups, settings);
  data::Catalog catalog = data.catalog;
  if (how == "year" ? catalog.years.empty() : catalog.names.empty())
    fail(Exit::usage,
         fmt::format("data.split = {}: {} has no column \"{}\" (only the Kaggle layout may); use safe or random", how,
                     config.data.root, how == "year" ? "year" : "productDisplayName"));
  std::vector<data::Split> split;
  if (how == "year") {
    catalog.given = data::newest_years(catalog, settings.test);
    split = data::make_split(catalog, groups, settings);
  } else {
    data::Grouping brands(catalog.items.size());
    brands.join_equal(data::brand_keys(catalog.names));
    settings.column = -1;
    split = data::make_split(catalog, brands.large(), settings);
  }
  note("data: {} images left out, each in a group with images of another side", data::part_groups(split, groups));
  return split;
}

// What a split cannot teach or cannot measure.
void report_split(const DataPlan& plan, const std::string& source) {
  note("data: {} to train, {} to validate, {} to test; split: {}", plan.train.size(), plan.val.size(), plan.test.size(),
       source);
  if (const int64_t leaks = data::count_leaks(plan.split, plan.groups); leaks > 0)
    warn("data: {} test images have a near duplicate or one of equal name among those that train or validate", leaks);
  for (std::size_t c = 0; c < plan.catalog.columns.size(); ++c) {
    const auto counts = plan.training_counts(c);
    if (const auto missing = std::count(counts.begin(), counts.end(), 0); missing > 0)
      warn("data: {}: no image to train on for {} of the classes", plan.catalog.columns[c], missing);
  }
}

std::size_t sampling_column(const TrainConfig& config, const data::Catalog& catalog) {
  if (config.data.sampling_head.empty()) return catalog.columns.size() - 1;
  const auto found = data::find_name(catalog.columns, config.data.sampling_head);
  if (!found)
    fail(Exit::usage, fmt::format("data.sampling_head = {}: requires one of {}", config.data.sampling_head,
                                  fmt::join(catalog.columns, ", ")));
  return *found;
}

// Leaves data.limit random pictures to train on.
void limit_training(const TrainConfig& config, DataPlan& plan) {
  if (config.data.limit == 0 || std::size_t(config.data.limit) >= plan.train.size()) return;
  data::shuffle(plan.train, uint64_t(config.data.seed), data::ShuffleStream::split, 1);
  for (std::size_t i = std::size_t(config.data.limit); i < plan.train.size(); ++i)
    plan.split[plan.train[i]] = data::Split::unused;
  plan.train.resize(std::size_t(config.data.limit));
  std::sort(plan.train.begin(), plan.train.end());
}

// The images at the network's size; the first run packs them into the cache folder.
std::shared_ptr<const data::ImageStore> packed(const TrainConfig& config, const data::DataSet& data) {
  const data::StoreSettings settings = data::store_settings(config.model.height, config.model.width);
  bool made = false;
  std::shared_ptr<const data::ImageStore> store;
  {
    cli::Progress progress("packing", int64_t(data.catalog.items.size()));
    store = data::open_store(data, settings, config.data.cache, [&](int64_t done, int64_t) {
      made = true;
      progress.update(done);
    });
  }
  if (made)
    note("data: packed into {}, {} MB; later runs read it, and it may be deleted", store->path().string(),
         std::filesystem::file_size(store->path()) / 1'000'000);
  return store;
}

}  // namespace

std::vector<Head> DataPlan::heads() const {
  std::vector<Head> heads;
  for (std::size_t i = 0; i < catalog.columns.size(); ++i) heads.push_back({catalog.columns[i], catalog.classes[i]});
  return heads;
}

std::vector<int64_t> DataPlan::training_counts(std::size_t column) const {
  std::vector<int64_t> counts(catalog.classes[column].size());
  for (const uint32_t item : train)
    if (const int32_t label = catalog.items[item].labels[column]; label >= 0) ++counts[std::size_t(label)];
  return counts;
}

std::vector<uint32_t> DataPlan::order(const TrainConfig& config, uint64_t epoch) const {
  const std::size_t column = sampling_column(config, catalog);
  std::vector<int32_t> labels;
  for (const uint32_t item : train) labels.push_back(catalog.items[item].labels[column]);
  return data::epoch_order(labels, data::sampling_from_name(config.data.sampling), uint64_t(config.train.seed), epoch);
}

DataPlan plan_data(TrainConfig& config) {
  choose_weights(config);
  data::DataSet data = data::open_dataset(config.data.root, config.data.labels);
  if (data.catalog.columns.empty())
    fail(Exit::usage, fmt::format("data.labels is empty; name the columns to train on: {} has {}", config.data.root,
                                  data::some_names(data.catalog.columns_there, 30)));
  const auto rare =
      data::fold_rare_classes(data.catalog, config.min_counts(),
                              config.data.rare == "other" ? data::RareClasses::other : data::RareClasses::drop);
  report(data, rare);
  data::check_classes(data.catalog);
  sampling_column(config, data.catalog);  // refuses a wrong name before the work begins
  choose_input(config, data);

  DataPlan plan;
  plan.store = packed(config, data);
  const std::vector<bool> bad = check_bad(*plan.store, config.data.max_bad);
  plan.groups = find_groups(data.catalog, *plan.store);
  report_groups(plan.groups);
  plan.split = config.data.split_file.empty() ? draw_split(config, data, plan.groups)
                                              : read_split(config.data.split_file, data.catalog);
  for (uint32_t i = 0; i < plan.split.size(); ++i) {
    data::Split& split = plan.split[i];
    if (bad[i]) split = data::Split::unused;
    if (split != data::Split::unused)
      (split == data::Split::train ? plan.train : split == data::Split::val ? plan.val : plan.test).push_back(i);
  }
  limit_training(config, plan);
  if (plan.train.size() < 2) fail(Exit::data, config.data.root + ": fewer than two training images");
  choose_step(config, int64_t(plan.train.size()));
  const std::string source = split_source(config, data);
  plan.catalog = std::move(data.catalog);
  report_split(plan, source);
  return plan;
}

}  // namespace pc::runs
