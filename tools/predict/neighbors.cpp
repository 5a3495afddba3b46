#include "tools/predict/neighbors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/ops.h"
#include "kernels/base/error.h"
#include "kernels/base/sha256.h"
#include "models/model_file.h"
#include "tools/predict/index_file.h"

namespace pc::predict {
namespace {

std::vector<float> of_length_one(std::span<const float> values) {
  double squares = 0;
  for (const float v : values) squares += double(v) * v;
  const double length = std::max(1e-30, std::sqrt(squares));
  std::vector<float> unit;
  for (const float v : values) unit.push_back(float(v / length));
  return unit;
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
  IndexFile index = read_index(path, backbone);
  features_ = index.features->tensor();
  files_ = std::move(index.names);
  bias_ = Tensor::zeros({size()}, DType::f32, Device::cpu);
}

std::vector<Neighbor> EmbeddingIndex::nearest(std::span<const float> embedding, int k) const {
  if (int64_t(embedding.size()) != features_.dim(1))
    fail(Exit::data, fmt::format("{}: broken index: {} features an image, the model has {}; make it again with pcindex",
                                 path_.string(), features_.dim(1), embedding.size()));
  const NoGrad no_grad;
  const Tensor query = Tensor::from({1, features_.dim(1)}, of_length_one(embedding));
  std::vector<float> cosines = linear_logits(Var(query), Var(features_), Var(bias_)).value().to_vector<float>();
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
  if (count_ == 0) fail(Exit::data, path.string() + ": not written: no image could be read");
  write_index(path, features_, files_, int64_t(count_), backbone);
}

}  // namespace pc::predict
