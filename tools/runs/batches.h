// Batches: pictures of the packed store, chosen by index, as network input and targets.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/catalog.h"
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

// Which batch of which epoch, and the place in the epoch of its first picture.
struct BatchPlace {
  uint64_t epoch = 0, number = 0, first = 0;
};

class BatchMaker {
 public:
  // Labels are of the catalog's columns; on CUDA the store's pixels are copied to the device once. Where the recipe lays objects on
  // other surfaces, those are made and the objects marked here.
  BatchMaker(const Catalog& catalog, std::shared_ptr<const ImageStore> store, const Preprocess& preprocess, DType dtype,
             Device device, const BatchRecipe& recipe = {});

  // Whole pictures, as prediction sees them.
  Batch whole(std::span<const uint32_t> items) const;

  // A batch of an epoch, changed as the recipe says. What is drawn depends on (seed, epoch, place in the epoch), so that a picture
  // visited twice is changed in two ways.
  Batch random(std::span<const uint32_t> items, const BatchPlace& at) const;
  // Its two halves: a table of table_bytes(n), drawn on the host …
  void draw(std::span<const uint32_t> items, const BatchPlace& at, std::byte* table) const;
  // … from which the device makes the batch of n pictures: u8 [table_bytes(n)].
  Batch make(std::size_t n, const Tensor& table) const;
  std::size_t table_bytes(std::size_t n) const { return layout(n).bytes; }

  int32_t label(uint32_t item, std::size_t head) const { return catalog_->items[item].labels[head]; }
  std::size_t heads() const { return catalog_->columns.size(); }

 private:
  // Where things lie in a table: n AugmentSamples, n / 2 MixPairs, then label, the partner's label and the own share of every picture, n
  // of each, head after head.
  struct Layout {
    std::size_t pairs, targets, head_bytes, bytes;
  };
  Layout layout(std::size_t n) const;
  void write_targets(std::span<const uint32_t> items, std::span<const MixPair> pairs, std::byte* table) const;
  Tensor to_device(Tensor host) const { return device_ == Device::cpu ? host : host.to(device_); }
  const Catalog* catalog_;
  std::shared_ptr<const ImageStore> store_;
  Preprocess preprocess_;
  DType dtype_;
  Device device_;
  BatchRecipe recipe_;
  Tensor pixels_, mask_, surfaces_;  // u8, on the device
};

}  // namespace pc
