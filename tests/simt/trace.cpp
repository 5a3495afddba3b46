// The kernels' memory accesses: g++'s -fsanitize=thread calls the functions below at every access that it cannot prove
// private. They replace the sanitizer's own library.
//
// A byte of global or shared memory remembers its last writer and its readers since. Two threads race where one of
// them writes and neither __syncthreads() nor, within a warp, __syncwarp() lies between; threads of different blocks
// where no grid barrier does. (Shuffles order nothing in memory.)
#include <algorithm>
#include <cstring>

#include "cuda_runtime.h"

namespace pc::simt {
namespace {

constexpr std::size_t kWarp = 32;

// The threads of a record: one thread, or several of one warp, block or grid.
enum class Who : uint8_t { thread, warp, block, grid };

struct Access {
  uint32_t phase, block;
  uint16_t thread, block_barriers, warp_barriers;
  Who who;
};

struct Shadow {
  Access write, read;
};

bool same_warp(const Access& a, const Access& b) { return a.block == b.block && a.thread / kWarp == b.thread / kWarp; }

// Whether a barrier of the block or the warp separates the record from now.
bool separated(const Access& before, const Access& now) {
  if (before.who == Who::grid || before.block != now.block) return false;
  if (before.block_barriers != now.block_barriers) return true;
  return before.who <= Who::warp && same_warp(before, now) && before.warp_barriers != now.warp_barriers;
}

// An old record is not relevant: of another launch, from before a grid barrier, or of another block's shared memory.
bool races(const Access& before, const Access& now, bool shared) {
  if (before.phase != now.phase || (shared && before.block != now.block)) return false;
  const bool own = before.who == Who::thread && before.block == now.block && before.thread == now.thread;
  return !own && !separated(before, now);
}

void add_reader(Access& readers, const Access& now, bool shared) {
  if (!races(readers, now, shared)) {
    readers = now;
    return;
  }
  const Who both = readers.block != now.block ? Who::grid : same_warp(readers, now) ? Who::warp : Who::block;
  readers.who = std::max(readers.who, both);
}

// Device memory's and shared memory's records. Each resident block has its own.
Shadow* shadow_of(const Running& now, const char* p, bool shared) {
  static Shadow* const device = static_cast<Shadow*>(reserve(kArenaBytes * sizeof(Shadow)));
  static Shadow* const of_shared = static_cast<Shadow*>(reserve(kMultiprocessors * now.shared_bytes * sizeof(Shadow)));
  const std::size_t own = now.launch->cooperative ? now.block * now.shared_bytes : 0;
  return shared ? of_shared + own + (p - now.shared) : device + (p - arena());
}

bool within(const char* p, std::size_t bytes, const void* range, std::size_t range_bytes) {
  return p >= range && p + bytes <= static_cast<const char*>(range) + range_bytes;
}

// threadIdx and its like, and the arguments.
bool may_read(const Running& now, const char* p, std::size_t bytes) {
  return within(p, bytes, &threadIdx, sizeof(threadIdx)) || within(p, bytes, &blockIdx, sizeof(blockIdx)) ||
         within(p, bytes, &blockDim, sizeof(blockDim)) || within(p, bytes, &gridDim, sizeof(gridDim)) ||
         within(p, bytes, now.launch->packed, now.launch->packed_bytes);
}

void check_device(const char* p, std::size_t bytes, bool writes, const void* code) {
  Byte* const states = byte_states(p);
  for (std::size_t i = 0; i < bytes; ++i) {
    if (states[i] == Byte::nobody)
      fault((writes ? "writes" : "reads") + std::string(" outside every buffer, ") + describe(p + i), code);
    if (!writes && states[i] == Byte::fresh) fault("reads what nobody has written, " + describe(p + i), code);
  }
  if (writes) std::memset(states, int(Byte::written), bytes);
}

void record(const Running& now, const char* p, std::size_t bytes, bool writes, bool shared, const void* code) {
  const Access access{now.phase, uint32_t(now.block), uint16_t(now.thread), now.block_barriers, now.warp_barriers, {}};
  Shadow* const shadow = shadow_of(now, p, shared);
  for (std::size_t i = 0; i < bytes; ++i) {
    Shadow& s = shadow[i];
    if (shared && !writes && (s.write.phase < now.first_phase || s.write.block != access.block))
      fault("reads shared memory that no thread has written", code);
    const bool race = races(s.write, access, shared);
    if (race || (writes && races(s.read, access, shared)))
      fault(std::string(writes ? "writes" : "reads") +
                (shared ? " shared memory that thread " : " memory that thread ") +
                std::to_string(race ? s.write.thread : s.read.thread) + " of block " +
                std::to_string(race ? s.write.block : s.read.block) + (race ? " writes" : " reads") +
                ", without a barrier between",
            code);
    if (writes)
      s.write = access;
    else
      add_reader(s.read, access, shared);
  }
}

void check(const Running& now, const char* p, std::size_t bytes, bool writes, const void* code) {
  if (within(p, bytes, now.stack, kStackBytes)) return;
  if (is_device(p)) {
    check_device(p, bytes, writes, code);
    record(now, p, bytes, writes, false, code);
  } else if (within(p, bytes, now.shared, now.shared_bytes)) {
    if (p >= now.dynamic_shared && p < now.dynamic_shared + kSharedBytes &&
        !within(p, bytes, now.dynamic_shared, now.launch->dynamic_shared))
      fault((writes ? "writes" : "reads") + std::string(" beyond the launch's dynamic shared memory"), code);
    record(now, p, bytes, writes, true, code);
  } else if (writes || !may_read(now, p, bytes)) {
    fault(writes ? "writes memory of the host" : "reads memory of the host", code);
  }
}

}  // namespace

void touch(const void* address, std::size_t bytes, bool writes, const void* back) {
  Running* now = running();
  if (!now || !now->traced) return;
  now->traced = false;  // templates of the library that kernels share with this file report their accesses, too
  check(*now, static_cast<const char*>(address), bytes, writes, static_cast<const char*>(back) - 1);
  now->traced = true;
}

}  // namespace pc::simt

// The names are g++'s.
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_read1(void* p) { pc::simt::touch(p, 1, false, __builtin_return_address(0)); }
void __tsan_read2(void* p) { pc::simt::touch(p, 2, false, __builtin_return_address(0)); }
void __tsan_read4(void* p) { pc::simt::touch(p, 4, false, __builtin_return_address(0)); }
void __tsan_read8(void* p) { pc::simt::touch(p, 8, false, __builtin_return_address(0)); }
void __tsan_read16(void* p) { pc::simt::touch(p, 16, false, __builtin_return_address(0)); }
void __tsan_read_range(void* p, std::size_t n) { pc::simt::touch(p, n, false, __builtin_return_address(0)); }
void __tsan_write1(void* p) { pc::simt::touch(p, 1, true, __builtin_return_address(0)); }
void __tsan_write2(void* p) { pc::simt::touch(p, 2, true, __builtin_return_address(0)); }
void __tsan_write4(void* p) { pc::simt::touch(p, 4, true, __builtin_return_address(0)); }
void __tsan_write8(void* p) { pc::simt::touch(p, 8, true, __builtin_return_address(0)); }
void __tsan_write16(void* p) { pc::simt::touch(p, 16, true, __builtin_return_address(0)); }
void __tsan_write_range(void* p, std::size_t n) { pc::simt::touch(p, n, true, __builtin_return_address(0)); }
}
