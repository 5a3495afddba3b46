#include "kernels/base/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

namespace pc {
namespace {

// What the signal handler reads, so: fixed, and without locks.
struct Slot {
  std::atomic<bool> taken{false}, lost{false};
  std::atomic<uintptr_t> begin{0}, end{0};
};
std::array<Slot, 512> slots;

struct sigaction before;  // whoever handled SIGBUS before us

// Puts zeros where the file's pages are missing, from the page of the fault to the mapping's end, and lets the load run again.
void replace_pages(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Slot& slot : slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire), end = slot.end.load(std::memory_order_acquire);
    if (address < begin || address >= end) continue;
    const uintptr_t page = address & ~uintptr_t(::sysconf(_SC_PAGESIZE) - 1);
    void* const at = reinterpret_cast<void*>(page);  // NOLINT(performance-no-int-to-ptr)
    if (::mmap(at, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    slot.lost.store(true, std::memory_order_release);
    return;
  }
  // Not ours: as it would have been without us.
  if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction) return before.sa_sigaction(signal, info, context);
  ::sigaction(SIGBUS, &before, nullptr);  // the load faults again and meets the handler that was there
}

void install_handler() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = replace_pages;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(SIGBUS, &action, &before) == 0;
  }();
  (void)installed;
}

int take_slot() {
  for (int i = 0; i < int(slots.size()); ++i)
    if (!slots[i].taken.exchange(true, std::memory_order_acq_rel)) return i;
  return -1;
}

}  // namespace

bool Mapping::map(int descriptor, std::size_t bytes) {
  install_handler();
  slot_ = take_slot();
  if (slot_ < 0) return false;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (memory == MAP_FAILED) {
    slots[slot_].taken.store(false, std::memory_order_release);
    slot_ = -1;
    return false;
  }
  data_ = static_cast<const std::byte*>(memory);
  bytes_ = bytes;
  Slot& slot = slots[slot_];
  slot.lost.store(false, std::memory_order_relaxed);
  slot.end.store(reinterpret_cast<uintptr_t>(memory) + bytes, std::memory_order_release);
  slot.begin.store(reinterpret_cast<uintptr_t>(memory), std::memory_order_release);
  return true;
}

Mapping::~Mapping() {
  if (slot_ < 0) return;
  Slot& slot = slots[slot_];
  slot.end.store(0, std::memory_order_release);  // an empty range from here on
  slot.begin.store(0, std::memory_order_release);
  ::munmap(const_cast<std::byte*>(data_), bytes_);
  slot.taken.store(false, std::memory_order_release);
}

bool Mapping::lost_pages() const { return slot_ >= 0 && slots[slot_].lost.load(std::memory_order_acquire); }

}  // namespace pc
