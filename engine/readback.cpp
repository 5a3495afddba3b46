#include "engine/readback.h"

#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {

void Readback::ask(std::size_t at, const void* source, std::size_t bytes) {
  PC_KERNELS(memory, device_).copy_out_later(block_.data() + at, source, bytes);
  event_.record();
}

const std::byte* Readback::wait() const {
  event_.wait();
  return block_.data();
}

}  // namespace pc
