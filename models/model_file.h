// A model file is a safetensors file that is enough by itself: weights under torchvision's names, and in its metadata the architecture,
// the labels of every head, the preprocessing, and what its answers are worth.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "engine/preprocess.h"
#include "engine/safetensors.h"
#include "models/calibration.h"
#include "models/classifier.h"
#include "models/hierarchy.h"
#include "models/self_test.h"

namespace pc {

// One label column and the names of its classes, in the order of the logits.
struct Head {
  std::string name;
  std::vector<std::string> labels;
};

// Which pictures the training run held back for the test. Their numbers are kept, not how they were chosen: that takes all
// pictures decoded, or a file that may be gone.
struct SplitRecord {
  int64_t pictures = 0;             // of the whole data set, bad ones included
  uint64_t files = 0;               // files_hash of the data set: with another one the numbers mean nothing
  std::vector<uint32_t> test;       // items in catalogue order, ascending
  std::vector<int64_t> min_counts;  // per head: classes with fewer pictures were folded,
  std::string rare = "other";       // into "Other" or, with "drop", into no label
};

struct ModelInfo {
  std::string architecture;
  std::vector<Head> heads;
  Preprocess preprocess;
  std::optional<SplitRecord> split;  // absent in files of other makers
  Hierarchy hierarchy;
  std::optional<Calibration> calibration;  // absent where there was nothing to validate on
  std::vector<HeadShape> head_shapes() const;
  std::vector<std::string> head_names() const;
};

// {"height", "width", "resize", "mean", "std", "fill"}
nlohmann::json to_json(const Preprocess& preprocess);

// Metadata keys: "pc.model" (JSON of the above), and timm's "architecture", "num_classes", "pretrained_cfg" for other readers.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);
// Throws Error(data) naming `path` where the metadata are absent or broken.
ModelInfo info_from_metadata(const std::map<std::string, std::string>& metadata, const std::string& path);

// With a self-test of the weights as they are now, under "pc.self_test".
void save_model(const std::filesystem::path& path, const ModelInfo& info, Classifier& model);

struct LoadedModel {
  ModelInfo info;
  std::unique_ptr<Classifier> model;
  std::optional<SelfTest> self_test;  // not run yet; absent in older files and those of other makers
};
// On the CPU. Throws Error(data) for weights that do not fit, naming the first five.
LoadedModel load_model(const std::filesystem::path& path);

}  // namespace pc
