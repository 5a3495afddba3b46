#include "tools/predict/neighbors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/ops.h"
#include "engine/safetensors_write.h"
#include "kernels/base/error.h"
#include "kernels/base/sha256.h"
#include "models/model_file.h"

namespace pc::predict {
namespace {

constexpr const char* kMark = "pc.index";

std::vector<float> of_length_one(std::span<const float> values) {
  double squares = 0;
  for (const float v : values) squares += double(v) * v;
  const double length = std::max(1e-30, std::sqrt(squares));
  std::vector<float> unit;
  for (const float v : values) unit.push_back(float(v / length));
  return unit;
}

const FileTensor& member(const WeightFile& file, const char* name, FileType type, std::size_t rank,
                         const std::string& path) {
  const FileTensor* tensor = file.find(name);
  if (!tensor || tensor->type != type || tensor->shape.size() != rank)
    fail(Exit::data,
         fmt::format("{}: broken index: no tensor \"{}\" of {} and {} dimensions; make it again with pcindex", path,
                     name, name_of(type), rank));
  return *tensor;
}

std::vector<std::string> names_in(const FileTensor& bytes) {
  std::vector<std::string> names;
  const char *at = reinterpret_cast<const char*>(bytes.data), *end = at + bytes.bytes();
  while (at != end) {
    const char* stop = std::find(at, end, '\0');
    names.emplace_back(at, stop);
    at = stop == end ? end : stop + 1;
  }
  return names;
}

}  // namespace

std::string backbone_id(const std::filesystem::path& model, const ModelInfo& info) {
  return backbone_id(load_safetensors(model), info);
}

std::string backbone_id(const WeightFile& model, const ModelInfo& info) {
  std::string all = info.architecture + to_json(info.preprocess).dump();
  for (const FileTensor& tensor : model.tensors)
    if (!is_head(tensor.name)) all += tensor.name + sha256_hex({tensor.data, tensor.bytes()});
  return sha256_hex(std::as_bytes(std::span(all)));
}

EmbeddingIndex::EmbeddingIndex(const std::filesystem::path& path, const std::string& backbone) : path_(path) {
  const WeightFile file = load_safetensors(path);
  const auto mark = file.metadata.find(kMark);
  if (mark == file.metadata.end()) fail(Exit::data, path.string() + ": no index of a catalogue; pcindex makes one");
  if (mark->second != backbone)
    fail(Exit::data,
         path.string() + ": made with another model's weights or preprocessing; make it again with pcindex");
  features_ = member(file, "features", FileType::f32, 2, path.string()).tensor();
  files_ = names_in(member(file, "files", FileType::u8, 1, path.string()));
  constexpr int64_t kMost = int64_t(1) << 30;  // the product's sizes are ints
  if (size() < 1 || size() > kMost || features_.dim(1) < 1 || features_.dim(1) > kMost ||
      int64_t(files_.size()) != size())
    fail(Exit::data, fmt::format("{}: broken index: features {} for {} pictures; make it again with pcindex",
                                 path.string(), to_string(features_.shape()), files_.size()));
  bias_ = Tensor::zeros({size()}, DType::f32, Device::cpu);
}

std::vector<Neighbor> EmbeddingIndex::nearest(std::span<const float> embedding, int k) const {
  if (int64_t(embedding.size()) != features_.dim(1))
    fail(Exit::data,
         fmt::format("{}: broken index: {} features a picture, the model has {}; make it again with pcindex",
                     path_.string(), features_.dim(1), embedding.size()));
  const NoGrad no_grad;
  const Tensor query = Tensor::from({1, features_.dim(1)}, of_length_one(embedding));
  std::vector<float> cosines = linear(Var(query), Var(features_), Var(bias_)).value().to_vector<float>();
  for (float& c : cosines) c = std::isfinite(c) ? std::clamp(c, -1.0f, 1.0f) : -1.0f;
  std::vector<std::size_t> order(cosines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto end = order.begin() + std::ptrdiff_t(std::min(order.size(), std::size_t(k)));
  std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
    return cosines[a] != cosines[b] ? cosines[a] > cosines[b] : a < b;
  });
  std::vector<Neighbor> neighbors;
  for (auto it = order.begin(); it != end; ++it) neighbors.push_back({.file = files_[*it], .cosine = cosines[*it]});
  return neighbors;
}

void IndexBuilder::add(const std::string& file, std::span<const float> embedding) {
  const std::vector<float> unit = of_length_one(embedding);
  features_.insert(features_.end(), unit.begin(), unit.end());
  files_.insert(files_.end(), file.begin(), file.end());
  files_.push_back(0);
  ++count_;
}

void IndexBuilder::write(const std::filesystem::path& path, const std::string& backbone) const {
  if (count_ == 0) fail(Exit::data, path.string() + ": not written: no picture could be read");
  const auto bytes = [](const auto& values) { return reinterpret_cast<const std::byte*>(values.data()); };
  const auto n = int64_t(count_), c = int64_t(features_.size()) / n;
  write_safetensors(
      path,
      {.tensors = {{.name = "features", .type = FileType::f32, .shape = {n, c}, .data = bytes(features_), .owner = {}},
                   {.name = "files",
                    .type = FileType::u8,
                    .shape = {int64_t(files_.size())},
                    .data = bytes(files_),
                    .owner = {}}},
       .metadata = {{kMark, backbone}}});
}

}  // namespace pc::predict
