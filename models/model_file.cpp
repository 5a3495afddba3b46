#include "models/model_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/state.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

using nlohmann::json;

constexpr const char* kSelfTest = "pc.self_test";

json to_json(const ModelInfo& info) {
  json heads = json::array();
  for (const Head& head : info.heads) heads.push_back({{"name", head.name}, {"labels", head.labels}});
  json j{{"architecture", info.architecture}, {"heads", heads}, {"preprocess", to_json(info.preprocess)}};
  if (info.split) {
    const SplitRecord& s = *info.split;
    j["held_back"] = {
        {"pictures", s.pictures}, {"files", s.files}, {"test", s.test}, {"min_counts", s.min_counts}, {"rare", s.rare}};
  }
  if (!info.hierarchy.empty()) j["hierarchy"] = to_json(info.hierarchy, info.head_shapes());
  if (info.calibration) j["calibration"] = to_json(*info.calibration, info.head_shapes());
  return j;
}

ModelInfo from_json(const json& j) {
  ModelInfo info;
  info.architecture = j.at("architecture");
  const std::vector<std::string> known = architectures();
  if (std::find(known.begin(), known.end(), info.architecture) == known.end())
    throw std::out_of_range("unknown architecture \"" + info.architecture + "\"");
  for (const json& head : j.at("heads")) info.heads.push_back({head.at("name"), head.at("labels")});
  const json& p = j.at("preprocess");
  info.preprocess = {.height = p.at("height"),
                     .width = p.at("width"),
                     .resize = resize_from_name(p.at("resize")),
                     .mean = p.at("mean"),
                     .std = p.at("std"),
                     .fill = p.at("fill")};
  if (const auto found = j.find("held_back"); found != j.end()) {
    const json& s = *found;
    info.split = {.pictures = s.at("pictures"),
                  .files = s.at("files"),
                  .test = s.at("test"),
                  .min_counts = s.at("min_counts"),
                  .rare = s.at("rare")};
    for (const uint32_t item : info.split->test)
      if (int64_t(item) >= info.split->pictures) throw std::out_of_range("a test picture beyond the data set");
    if (info.split->min_counts.size() != info.heads.size()) throw std::out_of_range("not one min_count per head");
  }
  for (const Head& head : info.heads)
    if (head.labels.empty()) throw std::out_of_range("head \"" + head.name + "\" without labels");
  const std::vector<HeadShape> shapes = info.head_shapes();
  if (const auto found = j.find("hierarchy"); found != j.end()) info.hierarchy = hierarchy_from_json(*found, shapes);
  if (const auto found = j.find("calibration"); found != j.end())
    info.calibration = calibration_from_json(*found, shapes);
  if (info.heads.empty() || info.preprocess.height < 1 || info.preprocess.width < 1)
    throw std::out_of_range("no head or no input size");
  return info;
}

const char* timm_crop_mode(Resize resize) {
  switch (resize) {
    case Resize::stretch:
      return "squash";
    case Resize::pad:
      return "border";
    case Resize::crop:
      return "center";
  }
  return "";
}

// What timm calls pretrained_cfg, of the first head.
json timm_config(const ModelInfo& info) {
  const Preprocess& p = info.preprocess;
  const std::vector<std::string>& labels = info.heads.front().labels;
  return {{"architecture", info.architecture},
          {"input_size", {3, p.height, p.width}},
          {"mean", p.mean},
          {"std", p.std},
          {"interpolation", "bilinear"},
          {"crop_pct", 1.0},
          {"crop_mode", timm_crop_mode(p.resize)},
          {"first_conv", "conv1"},
          {"classifier", head_prefix(info.head_shapes(), 0)},
          {"num_classes", labels.size()},
          {"label_names", labels}};
}

std::optional<SelfTest> self_test_of(const WeightFile& file, const ModelInfo& info, const std::string& path) {
  const auto found = file.metadata.find(kSelfTest);
  if (found == file.metadata.end()) return std::nullopt;
  try {
    return self_test_from_json(json::parse(found->second), info.head_shapes());
  } catch (const std::exception& e) {
    fail(Exit::data, path + ": broken self-test: " + e.what());
  }
}

}  // namespace

std::vector<HeadShape> ModelInfo::head_shapes() const {
  std::vector<HeadShape> shapes;
  for (const Head& head : heads) shapes.push_back({head.name, int(head.labels.size())});
  return shapes;
}

std::vector<std::string> ModelInfo::head_names() const {
  std::vector<std::string> names;
  for (const Head& head : heads) names.push_back(head.name);
  return names;
}

json to_json(const Preprocess& p) {
  return {{"height", p.height}, {"width", p.width}, {"resize", name_of(p.resize)},
          {"mean", p.mean},     {"std", p.std},     {"fill", p.fill}};
}

std::map<std::string, std::string> to_metadata(const ModelInfo& info) {
  return {{"format", "pt"},
          {"architecture", info.architecture},
          {"num_classes", std::to_string(info.heads.front().labels.size())},
          {"pretrained_cfg", timm_config(info).dump()},
          {"pc.model", to_json(info).dump()}};
}

ModelInfo info_from_metadata(const std::map<std::string, std::string>& metadata, const std::string& path) {
  const auto found = metadata.find("pc.model");
  if (found == metadata.end())
    fail(Exit::data, path + ": holds weights but no labels; train a model on it with model.weights = " + path);
  try {
    return from_json(json::parse(found->second));
  } catch (const std::exception& e) {
    fail(Exit::data, path + ": broken model description: " + e.what());
  }
}

void save_model(const std::filesystem::path& path, const ModelInfo& info, Classifier& model) {
  std::map<std::string, std::string> metadata = to_metadata(info);
  if (const auto test = make_self_test(info.preprocess, model))
    metadata[kSelfTest] = to_json(*test, info.head_shapes()).dump();
  write_safetensors(path, {.tensors = state_dict(model), .metadata = metadata});
}

LoadedModel load_model(const std::filesystem::path& path) {
  const WeightFile file = read_safetensors(path);
  LoadedModel loaded{
      .info = info_from_metadata(file.metadata, path.string()), .model = nullptr, .self_test = std::nullopt};
  loaded.self_test = self_test_of(file, loaded.info, path.string());
  loaded.model = make_classifier(loaded.info.architecture, loaded.info.head_shapes(), std::nullopt);
  load_strict(*loaded.model, file, path.string());
  return loaded;
}

}  // namespace pc
