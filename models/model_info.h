// What a model file says of its network: the architecture, the labels of every head, the preprocessing, calibration
// data.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/preprocess.h"
#include "models/calibration.h"
#include "models/head_shape.h"
#include "models/hierarchy.h"

namespace pc {

// One label column and the names of its classes, in the order of the logits.
struct Head {
  std::string name;
  std::vector<std::string> labels;
};

// The images that the training run held back for the test set. The file stores their indices, because the rule that
// chose them would need all images decoded, or a file that may no longer exist.
struct SplitRecord {
  int64_t pictures = 0;             // of the whole data set, including bad ones
  uint64_t files = 0;               // files_hash of the data set: the indices are valid only for this one
  std::vector<uint32_t> test;       // items in catalog order, ascending
  std::vector<int64_t> min_counts;  // per head: classes with fewer images were merged
  std::string rare = "other";       // into "Other" or, with "drop", lost their label
};

struct ModelInfo {
  std::string architecture;
  std::vector<Head> heads;
  Preprocess preprocess;
  std::optional<SplitRecord> split;  // absent in files written by other tools
  Hierarchy hierarchy;
  std::optional<Calibration> calibration;  // absent if there was no validation data
  std::vector<HeadShape> head_shapes() const;
  std::vector<std::string> head_names() const;
};

// {"height", "width", "resize", "mean", "std", "fill"}
nlohmann::json to_json(const Preprocess& preprocess);

// Metadata keys: "pc.model" (JSON of the above), and timm's "architecture", "num_classes", "pretrained_cfg" for other
// readers.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);
// Throws Error(data) with `path` if the metadata are absent or broken.
ModelInfo info_from_metadata(const std::map<std::string, std::string>& metadata, const std::string& path);

}  // namespace pc
