// Device memory of the stand-in GPU, the runtime calls that hand it out, and buffers of exactly their size.
#include "kernels/runtime/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <stdexcept>

#include "cuda_runtime.h"
#include "kernels/runtime/deferred_free.h"
#include "streams.h"
#include "tests/simt/capture.h"

namespace pc {
namespace simt {
namespace {

constexpr std::size_t kGuard = 256;  // also what cudaMalloc aligns to
constexpr unsigned char kPoison = 0xff;

std::map<char*, std::size_t> live;  // buffers and their bytes
std::size_t next = kGuard;          // the first free byte; from the start again once nothing lives
int accesses = 0;                   // how many DeviceAccess live

std::map<char*, std::size_t> pinned;  // blocks of cudaMallocHost and their bytes
struct LateCopy {
  void* to;
  std::vector<char> bytes;
};
std::vector<LateCopy> late;
std::size_t arrived = 0;

bool is_pinned(const void* p) {
  const char* const byte = static_cast<const char*>(p);
  auto after = pinned.upper_bound(const_cast<char*>(byte));
  return after != pinned.begin() && byte < std::prev(after)->first + std::prev(after)->second;
}

Byte* states() {
  static Byte* const all = static_cast<Byte*>(reserve(kArenaBytes));
  return all;
}

void check_range(const void* p, std::size_t bytes, bool device, const char* what) {
  const Byte* const state = is_device(p) ? byte_states(p) : nullptr;
  bool ok = (state != nullptr) == device;
  for (std::size_t i = 0; ok && device && i < bytes; ++i) ok = state[i] != Byte::nobody;
  if (!ok)
    throw std::runtime_error(std::string(what) + (device ? " is not a buffer of the device" : " lies on the device"));
}

// Releases the memory of the whole pages within a range.
void give_back(void* p, std::size_t bytes) {
  constexpr uintptr_t kPage = 4096;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(p) + kPage - 1) / kPage * kPage,
                  end = (reinterpret_cast<uintptr_t>(p) + bytes) / kPage * kPage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

void* reserve(std::size_t bytes) {
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::runtime_error("no address space for " + std::to_string(bytes) + " bytes");
  return p;
}

DeviceAccess::DeviceAccess() {
  if (accesses++ == 0) mprotect(arena(), kArenaBytes, PROT_READ | PROT_WRITE);
}

DeviceAccess::~DeviceAccess() {
  if (--accesses == 0) mprotect(arena(), kArenaBytes, PROT_NONE);
}

std::size_t late_copies() { return late.size(); }

void arrive(std::size_t count) {
  for (; arrived < count; ++arrived) {
    LateCopy& copy = late[arrived];
    if (is_pinned(copy.to)) std::memcpy(copy.to, copy.bytes.data(), copy.bytes.size());
    copy.bytes = {};
  }
}

char* arena() {
  static char* const base = static_cast<char*>(reserve(kArenaBytes));
  return base;
}

bool is_device(const void* p) { return p >= arena() && p < arena() + kArenaBytes; }
Byte* byte_states(const void* p) { return states() + (static_cast<const char*>(p) - arena()); }
void mark_written(void* p, std::size_t bytes) { std::memset(byte_states(p), int(Byte::written), bytes); }

void check_guards() {
  for (const auto& [block, bytes] : live)
    for (std::size_t i = 0; i < kGuard; ++i)
      if (static_cast<unsigned char>(block[bytes + i]) != kPoison)
        throw std::runtime_error("byte " + std::to_string(i) + " behind a buffer of " + std::to_string(bytes) +
                                 " was overwritten");
}

std::vector<unsigned char> contents() {
  std::vector<unsigned char> all;
  for (const auto& [block, bytes] : live) all.insert(all.end(), block, block + bytes);
  return all;
}

void restore(const std::vector<unsigned char>& all) {
  std::size_t at = 0;
  for (const auto& [block, bytes] : live) {
    std::memcpy(block, all.data() + at, bytes);
    at += bytes;
  }
}

std::string describe(std::size_t at) {
  for (const auto& [block, bytes] : live) {
    if (at < bytes) return "byte " + std::to_string(at) + " of a buffer of " + std::to_string(bytes);
    at -= bytes;
  }
  return "no byte";
}

std::string describe(const void* p) {
  const char* const byte = static_cast<const char*>(p);
  auto after = live.upper_bound(const_cast<char*>(byte));
  if (after == live.begin()) return "in front of the first buffer";
  --after;
  return "byte " + std::to_string(byte - after->first) + " of a buffer of " + std::to_string(after->second);
}

}  // namespace simt

Buffer::Buffer(Device device, std::size_t bytes) : bytes_(bytes), device_(device) {
  if (bytes == 0) return;
  arena_ = Arena::current(device);
  data_ = arena_ ? arena_->take(bytes) : (device == Device::cuda ? memory_cuda : memory_cpu).allocate(bytes);
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
  (device_ == Device::cuda ? memory_cuda : memory_cpu).release(data_);
}

namespace memory {

void trim(Device) {}
void set_debug(bool) {}
Stats stats(Device) { return {}; }
void synchronize(Device) {}
void zero(Device device, void* to, std::size_t bytes) {
  (device == Device::cuda ? memory_cuda : memory_cpu).zero(to, bytes);
}
void copy(Device to, void* dst, Device from, const void* src, std::size_t bytes) {
  if (to == from) return (to == Device::cuda ? memory_cuda : memory_cpu).copy(dst, src, bytes);
  to == Device::cpu ? memory_cuda.copy_out(dst, src, bytes) : memory_cuda.copy_in(dst, src, bytes);
}

}  // namespace memory
}  // namespace pc

using namespace pc::simt;

cudaError_t cudaMalloc(void** block, std::size_t bytes) {
  refuse_in_capture("cudaMalloc");
  if (live.empty()) next = kGuard;
  const std::size_t end = (next + bytes + 2 * kGuard - 1) / kGuard * kGuard;
  if (end > kArenaBytes) return cudaErrorMemoryAllocation;
  char* const begin = arena() + next;
  const DeviceAccess access;
  std::memset(begin, kPoison, end - next);
  std::memset(byte_states(begin), int(Byte::nobody), end - next);
  std::memset(byte_states(begin), int(Byte::fresh), bytes);
  live[begin] = bytes;
  next = end;
  *block = begin;
  return cudaSuccess;
}

cudaError_t cudaFree(void* block) {
  refuse_in_capture("cudaFree");
  const auto found = live.find(static_cast<char*>(block));
  if (found == live.end()) throw std::runtime_error("cudaFree: no buffer begins there");
  std::memset(byte_states(block), int(Byte::nobody), found->second);
  give_back(found->first, found->second);
  give_back(byte_states(block), found->second);
  live.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  note_work(stream);
  check_range(to, bytes, true, "cudaMemset: what is set");
  submit([=] {
    const DeviceAccess access;
    std::memset(to, value, bytes);
    mark_written(to, bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  note_work(stream);
  const bool to_device = kind != cudaMemcpyDeviceToHost, from_device = kind != cudaMemcpyHostToDevice;
  check_range(to, bytes, to_device, "cudaMemcpy: the target");
  check_range(from, bytes, from_device, "cudaMemcpy: the source");
  if (!to_device || !from_device) refuse_in_capture("a copy to or from host memory, which will have changed");
  submit([=] {
    const DeviceAccess access;
    if (!to_device && is_pinned(to)) {
      const char* const begin = static_cast<const char*>(from);
      return late.push_back({to, {begin, begin + bytes}});
    }
    std::memmove(to, from, bytes);
    if (to_device && from_device) std::memcpy(byte_states(to), byte_states(from), bytes);
    if (to_device && !from_device) mark_written(to, bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** block, std::size_t bytes) {
  *block = std::malloc(bytes);
  if (!*block) return cudaErrorMemoryAllocation;
  std::memset(*block, kPoison, bytes);
  pinned[static_cast<char*>(*block)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* block) {
  pinned.erase(static_cast<char*>(block));
  std::free(block);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) {
  refuse_in_capture("cudaStreamSynchronize");
  arrive(late.size());
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
