#include "kernels/runtime/pinned.h"

#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {

Pinned::Pinned(Device device, std::size_t bytes)
    : block_(static_cast<std::byte*>(PC_KERNELS(memory, device).allocate_host(bytes)), Release{device}) {}

void Pinned::Release::operator()(std::byte* block) const { PC_KERNELS(memory, device).release_host(block); }

}  // namespace pc
