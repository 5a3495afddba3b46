#include "kernels/runtime/pinned.h"

#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {

Pinned::Pinned(Device device, std::size_t bytes)
    : block_(static_cast<std::byte*>(PC_KERNELS(memory, device).allocate_host(bytes)), Release{device}) {}

void Pinned::Release::operator()(std::byte* block) const { PC_KERNELS(memory, device).release_host(block); }

Mark::Mark(Device device) : mark_(PC_KERNELS(memory, device).make_mark(), Release{device}) {}

void Mark::Release::operator()(void* mark) const { PC_KERNELS(memory, device).release_mark(mark); }

void Mark::set() { PC_KERNELS(memory, mark_.get_deleter().device).set_mark(mark_.get()); }

void Mark::wait() const { PC_KERNELS(memory, mark_.get_deleter().device).await_mark(mark_.get()); }

}  // namespace pc
