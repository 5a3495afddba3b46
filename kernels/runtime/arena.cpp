#include "kernels/runtime/arena.h"

#include <utility>

#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {
namespace {

std::shared_ptr<ArenaBlocks>& current_of(Device device) {
  thread_local std::shared_ptr<ArenaBlocks> current[2];
  return current[int(device)];
}

}  // namespace

ArenaBlocks::~ArenaBlocks() {
  for (void* block : all_) PC_KERNELS(memory, device_).release(block);
}

void* ArenaBlocks::take(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  auto& list = free_[bytes];
  if (list.empty()) {
    all_.push_back(PC_KERNELS(memory, device_).allocate(bytes));
    bytes_ += bytes;
    return all_.back();
  }
  void* block = list.back();
  list.pop_back();
  return block;
}

void ArenaBlocks::give_back(void* block, std::size_t bytes) noexcept {
  std::lock_guard lock(mutex_);
  free_[bytes].push_back(block);
}

std::size_t ArenaBlocks::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

Arena::Scope::Scope(const Arena& arena)
    : device_(arena.device_), before_(std::exchange(current_of(device_), arena.blocks_)) {}
Arena::Scope::~Scope() { current_of(device_) = std::move(before_); }

const std::shared_ptr<ArenaBlocks>& Arena::current(Device device) { return current_of(device); }

}  // namespace pc
