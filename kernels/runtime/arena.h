// Arena: device memory for work that is repeated at the same addresses, such as a recorded training step.
//
// Work that asks for the same sizes in the same order gets the same blocks every time: what it frees stays in the arena
// for the next round and serves no other allocation. Arena blocks have no guard bytes and no poison (memory.h), whose
// bytes would have to come from the host.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/runtime/dtype.h"

namespace pc {

// The blocks of an arena; every Buffer that came from it keeps them alive.
class ArenaBlocks {
 public:
  explicit ArenaBlocks(Device device) : device_(device) {}
  ~ArenaBlocks();
  ArenaBlocks(const ArenaBlocks&) = delete;
  ArenaBlocks& operator=(const ArenaBlocks&) = delete;

  void* take(std::size_t bytes);
  void give_back(void* block, std::size_t bytes) noexcept;
  std::size_t bytes() const;  // allocated on the device

 private:
  Device device_;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;
  std::vector<void*> all_;
  std::size_t bytes_ = 0;
};

class Arena {
 public:
  explicit Arena(Device device) : device_(device), blocks_(std::make_shared<ArenaBlocks>(device)) {}
  std::size_t bytes() const { return blocks_->bytes(); }

  // While one exists on a thread, the Buffers that the thread makes on the arena's device come from the arena.
  class Scope {
   public:
    explicit Scope(const Arena& arena);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Device device_;
    std::shared_ptr<ArenaBlocks> before_;
  };

  // The arena that new Buffers of this thread come from; null: the device's cache.
  static const std::shared_ptr<ArenaBlocks>& current(Device device);

 private:
  Device device_;
  std::shared_ptr<ArenaBlocks> blocks_;
};

}  // namespace pc
