#include "tools/train/batches.h"

namespace pc {

BatchMaker::BatchMaker(const Catalogue& catalogue, std::shared_ptr<const ImageStore> store, const Preprocess& preprocess, DType dtype,
                       Device device)
    : catalogue_(&catalogue), store_(std::move(store)), preprocess_(preprocess), dtype_(dtype), device_(device) {
  if (device != Device::cpu)
    resident_ = Tensor::borrow({store_->pixel_bytes()}, DType::u8, store_->pixels(), store_).to(device);
}

Batch BatchMaker::whole(std::span<const uint32_t> items) const {
  std::vector<AugmentSample> samples;
  for (const uint32_t item : items) {
    const StoredImage image = store_->image(item);
    samples.push_back(preprocess_.identity(image.offset, image.h, image.w));
  }
  return make(items, std::move(samples));
}

Batch BatchMaker::random(std::span<const uint32_t> items, const RandomCrop& crop, uint64_t seed, uint64_t epoch) const {
  std::vector<AugmentSample> samples;
  for (const uint32_t item : items) {
    const StoredImage image = store_->image(item);
    samples.push_back(draw(preprocess_, crop, seed, epoch, item, image.offset, image.h, image.w));
  }
  return make(items, std::move(samples));
}

Batch BatchMaker::make(std::span<const uint32_t> items, std::vector<AugmentSample> samples) const {
  const uint8_t* pixels = resident_.empty() ? store_->pixels() : resident_.as<uint8_t>();
  Batch batch{.x = augment(preprocess_.shape(), dtype_, device_, {.pixels = pixels}, samples), .targets = {}};
  for (std::size_t head = 0; head < heads(); ++head) {
    std::vector<int32_t> labels;
    for (const uint32_t item : items) labels.push_back(label(item, head));
    batch.targets.push_back(Targets::of(labels, device_));
  }
  return batch;
}

}  // namespace pc
