// The nearest products of a catalog: an index of what a model's heads see of every picture, searched by cosine.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace pc {
struct ModelInfo;
struct WeightFile;
}  // namespace pc

namespace pc::predict {

struct Neighbor {
  std::string file;
  float cosine = 0;
};

// What embeddings depend on: SHA-256 of the weights of a model file but its heads', and of how it prepares pictures.
std::string backbone_id(const std::filesystem::path& model, const ModelInfo& info);
std::string backbone_id(const WeightFile& model, const ModelInfo& info);

class EmbeddingIndex {
 public:
  // Reads the file. Error(data) naming what is wrong with it, or that it was made with other weights than `backbone`;
  // Error(file) where it cannot be opened.
  EmbeddingIndex(const std::filesystem::path& file, const std::string& backbone);

  int64_t size() const { return features_.dim(0); }
  // The k nearest, or all where there are fewer; the nearest first, equal ones in the order of the index. Several
  // threads may call it at once. Error(data) for an embedding of another length.
  std::vector<Neighbor> nearest(std::span<const float> embedding, int k) const;

 private:
  std::filesystem::path path_;
  Tensor features_, bias_;
  std::vector<std::string> files_;
};

// Collects the pictures of a catalog.
class IndexBuilder {
 public:
  void add(const std::string& file, std::span<const float> embedding);
  std::size_t size() const { return count_; }
  // Error(data) where nothing was added. Atomic, as write_safetensors.
  void write(const std::filesystem::path& path, const std::string& backbone) const;

 private:
  std::size_t count_ = 0;
  std::vector<float> features_;
  std::vector<uint8_t> files_;
};

}  // namespace pc::predict
