// From the data section of the configuration to what a run trains, validates and tests on.
#pragma once

#include <memory>
#include <vector>

#include "data/groups.h"
#include "data/split.h"
#include "data/store.h"
#include "models/model_file.h"
#include "tools/runs/train_config.h"

namespace pc::runs {

struct DataPlan {
  data::Catalog catalog;
  std::shared_ptr<const data::ImageStore> store;
  data::ItemGroups groups;         // near duplicates and products of one name
  std::vector<data::Split> split;  // per item; unused: unreadable, beyond data.limit, or taken out because it leaks
  std::vector<uint32_t> train, val, test;  // the items of each side
  std::vector<Head> heads() const;
  // How many training pictures each class of a column has.
  std::vector<int64_t> training_counts(std::size_t column) const;
  // Which of `train` an epoch visits in which order, by data.sampling.
  std::vector<uint32_t> order(const TrainConfig& config, uint64_t epoch) const;
};

// Opens, packs, finds near duplicates, splits; says on stderr what was found, repaired and skipped, and what leaks.
// Errors: Error(data) where more than data.max_bad of the pictures cannot be read; Error(usage) for a split or a
// sampling that the data set is not made for. What is auto in the configuration is chosen.
DataPlan plan_data(TrainConfig& config);

}  // namespace pc::runs
