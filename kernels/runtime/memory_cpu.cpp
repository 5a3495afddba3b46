// Host memory for the caching allocator; large blocks request huge pages.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "kernels/base/error.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

void* allocate(std::size_t bytes) {
  constexpr std::size_t kHuge = 2u << 20;
  const std::size_t alignment = bytes >= kHuge / 2 ? kHuge : 64;  // only use huge pages when at least half full
  void* block = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!block)
    fail(Exit::limit, "out of memory: wanted " + std::to_string(bytes >> 20) + " MiB more; use a smaller batch");
  if (alignment == kHuge) madvise(block, (bytes + kHuge / 2) / kHuge * kHuge, MADV_HUGEPAGE);
  return block;
}

// memcpy requires valid pointers even for 0 bytes.
void copy(void* dst, const void* src, std::size_t bytes) {
  if (bytes > 0) std::memcpy(dst, src, bytes);
}

}  // namespace

const DeviceMemory memory_cpu{
    .allocate = allocate,
    .release = [](void* block) noexcept { std::free(block); },
    .allocate_host = allocate,
    .release_host = [](void* block) noexcept { std::free(block); },
    .zero = [](void* dst, std::size_t bytes) { std::memset(dst, 0, bytes); },
    .copy = copy,
    .copy_in = copy,
    .copy_out = copy,
    .synchronize = [] {},
    .copy_out_later = copy,
    .make_event = [](bool) -> void* { return nullptr; },
    .release_event = [](void*) noexcept {},
    .record_event = [](void*) {},
    .await_event = [](void*) {},
    .event_milliseconds = [](void*, void*) { return 0.0f; },
};

}  // namespace pc
