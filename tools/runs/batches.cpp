#include "tools/runs/batches.h"

#include <algorithm>
#include <cstring>

#include "data/background.h"
#include "data/surface.h"
#include "kernels/base/parallel.h"

namespace pc::runs {
namespace {

constexpr int kSurfaces = 1024;

Tensor make_surfaces(int h, int w, uint64_t seed) {
  const int64_t bytes = int64_t(h) * w * 3;
  Tensor surfaces({kSurfaces * bytes}, DType::u8, Device::cpu);
  parallel_for(kSurfaces, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(surfaces.as<uint8_t>() + i * bytes, data::make_surface(h, w, seed, uint64_t(i)).pixels.data(),
                  std::size_t(bytes));
  });
  return surfaces;
}

Tensor owned(std::vector<uint8_t> bytes) {
  const auto owner = std::make_shared<std::vector<uint8_t>>(std::move(bytes));
  return Tensor::borrow({int64_t(owner->size())}, DType::u8, owner->data(), owner);
}

}  // namespace

BatchMaker::BatchMaker(const data::Catalog& catalog, std::shared_ptr<const data::ImageStore> store,
                       const Preprocess& preprocess, DType dtype, Device device, const BatchRecipe& recipe)
    : catalog_(&catalog),
      store_(std::move(store)),
      preprocess_(preprocess),
      dtype_(dtype),
      device_(device),
      recipe_(recipe),
      pixels_(to_device(Tensor::borrow({store_->pixel_bytes()}, DType::u8, store_->pixels(), store_))) {
  if (recipe.augmentation.background == 0) return;
  recipe_.augmentation.surfaces = kSurfaces;
  mask_ = to_device(owned(data::mark_objects(*store_)));
  surfaces_ = to_device(make_surfaces(preprocess.height, preprocess.width, recipe.seed));
}

BatchMaker::Layout BatchMaker::layout(std::size_t n) const {
  Layout at{.pairs = n * sizeof(AugmentSample)};
  at.targets = at.pairs + n / 2 * sizeof(MixPair);
  at.head_bytes = n * (2 * sizeof(int32_t) + sizeof(float));
  at.bytes = (at.targets + heads() * at.head_bytes + 63) / 64 * 64;  // so that tables can follow each other
  return at;
}

Batch BatchMaker::whole(std::span<const uint32_t> items) const {
  const Tensor table({int64_t(table_bytes(items.size()))}, DType::u8, Device::cpu);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const data::StoredImage image = store_->image(items[i]);
    table.as<AugmentSample>()[i] = preprocess_.identity(image.offset, image.h, image.w);
  }
  const std::vector<MixPair> unmixed(items.size() / 2);
  write_targets(items, unmixed, table.as<std::byte>());
  return make(items.size(), to_device(table));
}

Batch BatchMaker::random(std::span<const uint32_t> items, const BatchPlace& at) const {
  const Tensor table({int64_t(table_bytes(items.size()))}, DType::u8, Device::cpu);
  draw(items, at, table.as<std::byte>());
  return make(items.size(), to_device(table));
}

void BatchMaker::draw(std::span<const uint32_t> items, const BatchPlace& at, std::byte* table) const {
  auto* samples = reinterpret_cast<AugmentSample*>(table);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const data::StoredImage image = store_->image(items[i]);
    samples[i] = pc::draw(preprocess_, recipe_.augmentation, recipe_.seed, at.epoch, at.first + i, image.offset,
                          image.h, image.w);
  }
  write_targets(items,
                draw_pairs(recipe_.mixing, int(items.size()), preprocess_.height, preprocess_.width, recipe_.seed,
                           at.epoch, at.number),
                table);
}

// A picture whose partner has no label counts as unmixed.
void BatchMaker::write_targets(std::span<const uint32_t> items, std::span<const MixPair> pairs,
                               std::byte* table) const {
  const std::size_t n = items.size();
  const Layout at = layout(n);
  std::copy(pairs.begin(), pairs.end(), reinterpret_cast<MixPair*>(table + at.pairs));
  for (std::size_t head = 0; head < heads(); ++head) {
    auto* own = reinterpret_cast<int32_t*>(table + at.targets + head * at.head_bytes);
    auto* partner = own + n;
    auto* share = reinterpret_cast<float*>(partner + n);
    for (std::size_t i = 0; i < n; ++i) own[i] = label(items[i], head);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t other = n - 1 - i, pair = std::min(i, other);
      const bool mixed = pair < pairs.size() && own[other] >= 0;
      share[i] = mixed ? own_share(pairs[pair], preprocess_.height, preprocess_.width) : 1.0f;
      partner[i] = share[i] < 1 ? own[other] : own[i];
    }
  }
}

Batch BatchMaker::make(std::size_t n, const Tensor& table) const {
  const AugmentSource source{.pixels = pixels_.as<uint8_t>(),
                             .mask = mask_.empty() ? nullptr : mask_.as<uint8_t>(),
                             .backgrounds = surfaces_.empty() ? nullptr : surfaces_.as<uint8_t>()};
  const Layout at = layout(n);
  const auto count = int64_t(n);
  Batch batch{.x = augment(preprocess_.shape(), dtype_, source, table.part(0, {int64_t(at.pairs)}, DType::u8)),
              .targets = {}};
  if (pixels_.device() == Device::cpu) store_->check_unchanged();  // the pixels come from a mapped file
  if (recipe_.mixing.on()) mix(batch.x, table.part(at.pairs, {int64_t(at.targets - at.pairs)}, DType::u8));
  for (std::size_t head = 0; head < heads(); ++head) {
    const std::size_t own = at.targets + head * at.head_bytes, partner = own + n * sizeof(int32_t),
                      share = partner + n * sizeof(int32_t);
    batch.targets.push_back({.a = table.part(own, {count}, DType::i32),
                             .b = table.part(partner, {count}, DType::i32),
                             .lambda = table.part(share, {count}, DType::f32)});
  }
  return batch;
}

}  // namespace pc::runs
