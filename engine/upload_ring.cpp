#include "engine/upload_ring.h"

namespace pc {
namespace {

constexpr std::size_t kHalf = 16, kSlots = 2 * kHalf;

}  // namespace

UploadRing::UploadRing(Device device, std::size_t bytes) : on_device_({int64_t(bytes)}, DType::u8, device) {
  if (device == Device::cpu) return;
  for (std::size_t i = 0; i < kSlots; ++i) slots_.emplace_back(device, bytes);
  for (int i = 0; i < 2; ++i) halves_.emplace_back(device);
}

void UploadRing::upload() {
  if (slots_.empty()) return;
  memory::copy(on_device_.device(), on_device_.data(), Device::cpu, host(), on_device_.bytes());
  const std::size_t half = next_ / kHalf;
  next_ = (next_ + 1) % kSlots;
  if (next_ % kHalf > 0) return;
  halves_[half].record();
  halves_[1 - half].wait();  // its slots are next
}

}  // namespace pc
