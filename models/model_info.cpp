#include "models/model_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "kernels/base/error.h"
#include "models/architectures.h"
#include "models/json_checks.h"

namespace pc {
namespace {

using nlohmann::json;

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

// Three numbers, one per color.
template <class Read>
void read_colors(const json& j, const char* key, const Read& read) {
  const json& values = j.at(key);
  if (!values.is_array() || values.size() != 3) throw std::out_of_range(std::string(key) + " is not three numbers");
  for (std::size_t i = 0; i < 3; ++i) read(i, values[i]);
}

Preprocess preprocess_from_json(const json& j) {
  constexpr double kMost = 1e6;
  Preprocess p{.height = int(integer_at(j, "height", 1, kMaxInputSide)),
               .width = int(integer_at(j, "width", 1, kMaxInputSide)),
               .resize = resize_from_name(j.at("resize"))};
  read_colors(j, "mean", [&](std::size_t i, const json& v) { p.mean[i] = float(real(v, "mean", -kMost, kMost)); });
  read_colors(j, "std", [&](std::size_t i, const json& v) { p.std[i] = float(real(v, "std", 1 / kMost, kMost)); });
  read_colors(j, "fill", [&](std::size_t i, const json& v) { p.fill[i] = uint8_t(integer(v, "fill", 0, 255)); });
  return p;
}

SplitRecord split_from_json(const json& j, std::size_t heads) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  SplitRecord split{.pictures = integer_at(j, "pictures", 0, kMost), .rare = j.at("rare")};
  if (!j.at("files").is_number_unsigned()) throw std::out_of_range("files is not a hash");
  split.files = j.at("files");
  for (const json& item : j.at("test"))
    split.test.push_back(uint32_t(
        integer(item, "a test image", 0, std::min<int64_t>(split.pictures, std::numeric_limits<uint32_t>::max()) - 1)));
  for (const json& count : j.at("min_counts")) split.min_counts.push_back(integer(count, "a min_count", 0, kMost));
  if (split.min_counts.size() != heads) throw std::out_of_range("not one min_count per head");
  return split;
}

// The same bound in every program, checked before anything of these sizes is made.
void check_heads(const std::vector<Head>& heads) {
  std::set<std::string> names;
  std::size_t classes = 0;
  for (const Head& head : heads) {
    if (head.labels.empty()) throw std::out_of_range("head \"" + head.name + "\" without labels");
    if (!names.insert(head.name).second) throw std::out_of_range("two heads named \"" + head.name + "\"");
    classes += head.labels.size();
  }
  if (heads.empty()) throw std::out_of_range("no head");
  if (classes > std::size_t(kMaxClasses))
    throw std::out_of_range(
        fmt::format("labels: {} in all, more than the {} that a model may have", classes, kMaxClasses));
}

ModelInfo from_json(const json& j) {
  ModelInfo info;
  info.architecture = j.at("architecture");
  const std::vector<std::string> known = architectures();
  if (std::find(known.begin(), known.end(), info.architecture) == known.end())
    throw std::out_of_range("unknown architecture \"" + info.architecture + "\"");
  for (const json& head : j.at("heads")) info.heads.push_back({head.at("name"), head.at("labels")});
  check_heads(info.heads);
  info.preprocess = preprocess_from_json(j.at("preprocess"));
  if (const auto found = j.find("held_back"); found != j.end()) info.split = split_from_json(*found, info.heads.size());
  const std::vector<HeadShape> shapes = info.head_shapes();
  if (const auto found = j.find("hierarchy"); found != j.end()) info.hierarchy = hierarchy_from_json(*found, shapes);
  if (const auto found = j.find("calibration"); found != j.end())
    info.calibration = calibration_from_json(*found, shapes);
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

// timm's pretrained_cfg, for the first head.
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
  if (found == metadata.end() && metadata.contains("pc.train"))
    fail(Exit::data, path +
                         ": the checkpoint of an unfinished training run; run pctrain again to finish it and take the "
                         "model.safetensors that it writes");
  if (found == metadata.end() && metadata.contains("pc.index"))
    fail(Exit::data, path + ": an index of pcindex, for --index; --model takes the model that it was made with");
  if (found == metadata.end())
    fail(Exit::data, path + ": holds weights but no labels; train a model on it with model.weights = " + path);
  try {
    return from_json(json::parse(found->second));
  } catch (const std::exception& e) {
    fail(Exit::data, path + ": broken model description: " + e.what());
  }
}

}  // namespace pc
