#include "engine/staged.h"

#include "kernels/runtime/select.h"

namespace pc {

Staged::Staged(Device device, std::size_t bytes) : on_device_({int64_t(bytes)}, DType::u8, device) {
  constexpr std::size_t kSlots = 32;
  if (device == Device::cpu) return;
  for (std::size_t i = 0; i < kSlots; ++i)
    slots_.emplace_back(static_cast<std::byte*>(PC_KERNELS(memory, device).allocate_host(bytes)), Release{device});
}

void Staged::Release::operator()(std::byte* block) const { PC_KERNELS(memory, device).release_host(block); }

void Staged::upload() {
  if (slots_.empty()) return;
  memory::copy(on_device_.device(), on_device_.data(), Device::cpu, host(), on_device_.bytes());
  next_ = (next_ + 1) % slots_.size();
  if (next_ == 0) memory::synchronize(on_device_.device());
}

}  // namespace pc
