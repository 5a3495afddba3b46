#include "kernels/runtime/pinned.h"

#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {

Pinned::Pinned(Device device, std::size_t bytes)
    : block_(static_cast<std::byte*>(PC_KERNELS(memory, device).allocate_host(bytes)), Release{device}) {}

void Pinned::Release::operator()(std::byte* block) const { PC_KERNELS(memory, device).release_host(block); }

Event::Event(Device device) : event_(PC_KERNELS(memory, device).make_event(), Release{device}) {}

void Event::Release::operator()(void* mark) const { PC_KERNELS(memory, device).release_event(mark); }

void Event::set() { PC_KERNELS(memory, event_.get_deleter().device).record_event(event_.get()); }

void Event::wait() const { PC_KERNELS(memory, event_.get_deleter().device).await_event(event_.get()); }

}  // namespace pc
