#include "kernels/runtime/memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/runtime/deferred_free.h"
#include "kernels/runtime/select.h"

namespace pc {
namespace {

constexpr std::size_t kGuard = 64;
constexpr unsigned char kGuardByte = 0xA5, kPoison = 0xFF;  // 0xFF… reads as NaN in f32, bf16 and f16

// Free blocks by size. Sizes are rounded up, so that batches of slightly different shapes can reuse each other's
// blocks.
struct Cache {
  std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> free;
  memory::Stats stats;
};

Cache& cache_of(Device device) {
  static auto* caches = new Cache[2];  // outlives every static tensor
  return caches[int(device)];
}

bool debug_on = false;

std::size_t round_up(std::size_t bytes) {
  if (debug_on) bytes += 2 * kGuard;
  const std::size_t step = bytes < (1u << 20) ? 512 : (1u << 20) / 8;
  return (bytes + step - 1) / step * step;
}

void fill_host(Device device, void* dst, unsigned char value, std::size_t bytes) {
  if (device == Device::cpu) {
    std::memset(dst, value, bytes);
  } else {
    std::vector<unsigned char> host(bytes, value);
    PC_KERNELS(memory, device).copy_in(dst, host.data(), bytes);
  }
}

void check_guard(Device device, const char* guard, const char* where, std::size_t bytes) {
  unsigned char host[kGuard];
  PC_KERNELS(memory, device).copy_out(host, guard, kGuard);
  for (std::size_t i = 0; i < kGuard; ++i)
    if (host[i] != kGuardByte) {
      std::fprintf(stderr, "memory: byte %zu %s a %s block of %zu bytes was overwritten\n", i, where, name_of(device),
                   bytes);
      std::abort();
    }
}

}  // namespace

Buffer::Buffer(Device device, std::size_t bytes) : bytes_(bytes), device_(device) {
  if (bytes == 0) return;
  if (const auto& arena = Arena::current(device)) {
    data_ = arena->take(bytes);
    arena_ = arena;
    return;
  }
  const std::size_t size = round_up(bytes);
  Cache& cache = cache_of(device);
  char* block = nullptr;
  {
    std::lock_guard lock(cache.mutex);
    auto& list = cache.free[size];
    if (!list.empty()) {
      block = static_cast<char*>(list.back());
      list.pop_back();
      cache.stats.cached -= size;
    }
  }
  if (!block) block = static_cast<char*>(PC_KERNELS(memory, device).allocate(size));
  {
    std::lock_guard lock(cache.mutex);
    cache.stats.in_use += size;
    cache.stats.peak = std::max(cache.stats.peak, cache.stats.in_use + cache.stats.cached);
  }
  if (debug_on) {
    fill_host(device, block, kGuardByte, kGuard);
    fill_host(device, block + kGuard, kPoison, bytes);
    fill_host(device, block + kGuard + bytes, kGuardByte, kGuard);
    block += kGuard;
  }
  data_ = block;
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(device_, other.device_);
  std::swap(arena_, other.arena_);
  return *this;
}

Buffer::~Buffer() { free(); }

void Buffer::free() noexcept {
  if (!data_) return;
  if (memory::DeferredFree* deferred = memory::DeferredFree::current(device_)) return deferred->keep(std::move(*this));
  if (arena_) return arena_->give_back(data_, bytes_);
  char* block = static_cast<char*>(data_);
  if (debug_on) {
    check_guard(device_, block - kGuard, "before", bytes_);
    check_guard(device_, block + bytes_, "after", bytes_);
    block -= kGuard;
  }
  const std::size_t size = round_up(bytes_);
  Cache& cache = cache_of(device_);
  std::lock_guard lock(cache.mutex);
  cache.free[size].push_back(block);
  cache.stats.in_use -= size;
  cache.stats.cached += size;
  data_ = nullptr;
}

namespace memory {

Stats stats(Device device) {
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  return cache.stats;
}

void trim(Device device) {
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  for (auto& [size, list] : cache.free)
    for (void* block : list) PC_KERNELS(memory, device).release(block);
  cache.free.clear();
  cache.stats.cached = 0;
}

void set_debug(bool on) { debug_on = on; }

void zero(Device device, void* dst, std::size_t bytes) { PC_KERNELS(memory, device).zero(dst, bytes); }

void copy(Device to, void* dst, Device from, const void* src, std::size_t bytes) {
  if (to == from) return PC_KERNELS(memory, to).copy(dst, src, bytes);
  if (to == Device::cpu) return PC_KERNELS(memory, from).copy_out(dst, src, bytes);
  PC_KERNELS(memory, to).copy_in(dst, src, bytes);
}

void synchronize(Device device) { PC_KERNELS(memory, device).synchronize(); }

}  // namespace memory
}  // namespace pc
