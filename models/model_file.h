// A model file is a safetensors file that is enough by itself: weights under torchvision's names, and in its metadata the architecture,
// the labels of every head and the preprocessing.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "engine/preprocess.h"
#include "engine/safetensors.h"
#include "models/classifier.h"

namespace pc {

// One label column and the names of its classes, in the order of the logits.
struct Head {
  std::string name;
  std::vector<std::string> labels;
};

// Which pictures the training run held back for the test. Their numbers are kept, not how they were chosen: that takes all
// pictures decoded, or a file that may be gone.
struct SplitRecord {
  int64_t pictures = 0;        // of the whole data set, bad ones included
  uint64_t files = 0;          // files_hash of the data set: with another one the numbers mean nothing
  std::vector<uint32_t> test;  // items in catalogue order, ascending
  int64_t min_count = 1;       // classes with fewer pictures were folded,
  std::string rare = "other";  // into "Other" or, with "drop", into no label
};

struct ModelInfo {
  std::string architecture;
  std::vector<Head> heads;
  Preprocess preprocess;
  std::optional<SplitRecord> split;  // absent in files of other makers
  std::vector<HeadShape> head_shapes() const;
};

// Metadata keys: "pc.model" (JSON of the above), and timm's "architecture", "num_classes", "pretrained_cfg" for other readers.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);
// Throws Error(data) naming `path` where the metadata are absent or broken.
ModelInfo info_from_metadata(const std::map<std::string, std::string>& metadata, const std::string& path);

void save_model(const std::filesystem::path& path, const ModelInfo& info, Classifier& model);

struct LoadedModel {
  ModelInfo info;
  std::unique_ptr<Classifier> model;
};
// On the CPU. Throws Error(data) for weights that do not fit, naming the first five.
LoadedModel load_model(const std::filesystem::path& path);

}  // namespace pc
