#include "tools/train/batches.h"

#include <cstring>

#include "data/background.h"
#include "kernels/runtime/parallel.h"

namespace pc {
namespace {

constexpr int kSurfaces = 1024;

Tensor make_surfaces(int h, int w, uint64_t seed) {
  const int64_t bytes = int64_t(h) * w * 3;
  Tensor surfaces({kSurfaces * bytes}, DType::u8, Device::cpu);
  parallel_for(kSurfaces, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(surfaces.as<uint8_t>() + i * bytes, make_surface(h, w, seed, uint64_t(i)).pixels.data(), std::size_t(bytes));
  });
  return surfaces;
}

Tensor owned(std::vector<uint8_t> bytes) {
  const auto owner = std::make_shared<std::vector<uint8_t>>(std::move(bytes));
  return Tensor::borrow({int64_t(owner->size())}, DType::u8, owner->data(), owner);
}

}  // namespace

BatchMaker::BatchMaker(const Catalogue& catalogue, std::shared_ptr<const ImageStore> store, const Preprocess& preprocess, DType dtype,
                       Device device, const BatchRecipe& recipe)
    : catalogue_(&catalogue), store_(std::move(store)), preprocess_(preprocess), dtype_(dtype), device_(device), recipe_(recipe),
      pixels_(to_device(Tensor::borrow({store_->pixel_bytes()}, DType::u8, store_->pixels(), store_))) {
  if (recipe.augmentation.background == 0) return;
  recipe_.augmentation.surfaces = kSurfaces;
  mask_ = to_device(owned(mark_objects(*store_)));
  surfaces_ = to_device(make_surfaces(preprocess.height, preprocess.width, recipe.seed));
}

Batch BatchMaker::whole(std::span<const uint32_t> items) const {
  std::vector<AugmentSample> samples;
  for (const uint32_t item : items) {
    const StoredImage image = store_->image(item);
    samples.push_back(preprocess_.identity(image.offset, image.h, image.w));
  }
  return make(items, samples, {});
}

Batch BatchMaker::random(std::span<const uint32_t> items, uint64_t epoch, uint64_t number) const {
  std::vector<AugmentSample> samples;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const StoredImage image = store_->image(items[i]);
    const uint64_t place = number * items.size() + i;
    samples.push_back(draw(preprocess_, recipe_.augmentation, recipe_.seed, epoch, place, image.offset, image.h, image.w));
  }
  const auto& mixing = recipe_.mixing;
  return make(items, samples,
              mixing.on() ? draw_pairs(mixing, int(items.size()), preprocess_.height, preprocess_.width, recipe_.seed, epoch, number)
                          : std::vector<MixPair>{});
}

Batch BatchMaker::make(std::span<const uint32_t> items, const std::vector<AugmentSample>& samples, const std::vector<MixPair>& pairs) const {
  const AugmentSource source{.pixels = pixels_.as<uint8_t>(),
                             .mask = mask_.empty() ? nullptr : mask_.as<uint8_t>(),
                             .backgrounds = surfaces_.empty() ? nullptr : surfaces_.as<uint8_t>()};
  Batch batch{.x = augment(preprocess_.shape(), dtype_, device_, source, samples), .targets = {}};
  if (!pairs.empty()) mix(batch.x, pairs);
  for (std::size_t head = 0; head < heads(); ++head) batch.targets.push_back(targets(items, head, pairs));
  return batch;
}

// A picture whose partner has no label counts as unmixed.
Targets BatchMaker::targets(std::span<const uint32_t> items, std::size_t head, const std::vector<MixPair>& pairs) const {
  std::vector<int32_t> own, partner;
  std::vector<float> share(items.size(), 1.0f);
  for (const uint32_t item : items) own.push_back(label(item, head));
  if (pairs.empty()) return Targets::of(own, device_);
  partner = own;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t other = items.size() - 1 - i, pair = std::min(i, other);
    if (pair >= pairs.size() || own[other] < 0) continue;
    partner[i] = own[other];
    share[i] = own_share(pairs[pair], preprocess_.height, preprocess_.width);
  }
  const auto n = int64_t(items.size());
  return {.a = Tensor::from({n}, own, device_), .b = Tensor::from({n}, partner, device_), .lambda = Tensor::from({n}, share, device_)};
}

}  // namespace pc
