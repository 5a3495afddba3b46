// Batches: pictures of the packed store, chosen by index, as network input and targets.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/catalogue.h"
#include "data/store.h"
#include "engine/ops.h"
#include "engine/preprocess.h"

namespace pc {

struct Batch {
  Tensor x;                      // [n, height, width, 3]
  std::vector<Targets> targets;  // one per head
};

class BatchMaker {
 public:
  // Labels are of the catalogue's columns; on CUDA the store's pixels are copied to the device once.
  BatchMaker(const Catalogue& catalogue, std::shared_ptr<const ImageStore> store, const Preprocess& preprocess, DType dtype, Device device);

  // Whole pictures, as prediction sees them.
  Batch whole(std::span<const uint32_t> items) const;
  // Randomly cropped and mirrored: a picture's crop depends on (seed, epoch, item) only.
  Batch random(std::span<const uint32_t> items, const RandomCrop& crop, uint64_t seed, uint64_t epoch) const;

  int32_t label(uint32_t item, std::size_t head) const { return catalogue_->items[item].labels[head]; }
  std::size_t heads() const { return catalogue_->columns.size(); }

 private:
  Batch make(std::span<const uint32_t> items, std::vector<AugmentSample> samples) const;
  const Catalogue* catalogue_;
  std::shared_ptr<const ImageStore> store_;
  Preprocess preprocess_;
  DType dtype_;
  Device device_;
  Tensor resident_;  // CUDA: the store's pixels
};

}  // namespace pc
