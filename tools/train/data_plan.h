// From the data section of the configuration to what a run trains, validates and tests on.
#pragma once

#include <memory>
#include <vector>

#include "data/split.h"
#include "data/store.h"
#include "models/model_file.h"
#include "tools/config/train_config.h"

namespace pc {

struct DataPlan {
  Catalogue catalogue;
  std::shared_ptr<const ImageStore> store;
  std::vector<uint32_t> train, val, test;  // items, bad pictures left out
  std::vector<Head> heads() const;
};

// Opens, splits, packs; says on stderr what was found, repaired and skipped. Throws Error(data) where more than data.max_bad of the
// pictures cannot be read.
DataPlan plan_data(const TrainConfig& config);

}  // namespace pc
