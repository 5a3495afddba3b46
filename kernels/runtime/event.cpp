#include "kernels/runtime/event.h"

#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {

Event::Event(Device device, bool timed) : event_(PC_KERNELS(memory, device).make_event(timed), Release{device}) {}

void Event::Release::operator()(void* event) const { PC_KERNELS(memory, device).release_event(event); }

void Event::record() { PC_KERNELS(memory, event_.get_deleter().device).record_event(event_.get()); }

void Event::wait() const { PC_KERNELS(memory, event_.get_deleter().device).await_event(event_.get()); }

float Event::milliseconds_since(const Event& start) const {
  wait();
  return PC_KERNELS(memory, event_.get_deleter().device).event_milliseconds(start.event_.get(), event_.get());
}

}  // namespace pc
