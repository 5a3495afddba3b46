// Batches: pictures of the packed store, chosen by index, as network input and targets.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/catalogue.h"
#include "data/store.h"
#include "engine/augmentation.h"
#include "engine/ops.h"

namespace pc {

struct Batch {
  Tensor x;                      // [n, height, width, 3]
  std::vector<Targets> targets;  // one per head
};

// How training changes its pictures.
struct BatchRecipe {
  Augmentation augmentation{.flip = 0, .min_area = 1, .max_stretch = 1};
  Mixing mixing;
  uint64_t seed = 1;
};

class BatchMaker {
 public:
  // Labels are of the catalogue's columns; on CUDA the store's pixels are copied to the device once. Where the recipe lays objects on
  // other surfaces, those are made and the objects marked here.
  BatchMaker(const Catalogue& catalogue, std::shared_ptr<const ImageStore> store, const Preprocess& preprocess, DType dtype, Device device,
             const BatchRecipe& recipe = {});

  // Whole pictures, as prediction sees them.
  Batch whole(std::span<const uint32_t> items) const;
  // Batch `number` of an epoch, changed as the recipe says. What is drawn depends on (seed, epoch, place in the epoch), so that a picture
  // visited twice is changed in two ways.
  Batch random(std::span<const uint32_t> items, uint64_t epoch, uint64_t number) const;

  int32_t label(uint32_t item, std::size_t head) const { return catalogue_->items[item].labels[head]; }
  std::size_t heads() const { return catalogue_->columns.size(); }

 private:
  Batch make(std::span<const uint32_t> items, const std::vector<AugmentSample>& samples, const std::vector<MixPair>& pairs) const;
  Targets targets(std::span<const uint32_t> items, std::size_t head, const std::vector<MixPair>& pairs) const;
  Tensor to_device(Tensor host) const { return device_ == Device::cpu ? host : host.to(device_); }
  const Catalogue* catalogue_;
  std::shared_ptr<const ImageStore> store_;
  Preprocess preprocess_;
  DType dtype_;
  Device device_;
  BatchRecipe recipe_;
  Tensor pixels_, mask_, surfaces_;  // u8, on the device
};

}  // namespace pc
