// One pass over a grid: blocks in turn, threads as fibers, collectives when all whom they concern have come.
#pragma once

#include <string>
#include <vector>

#include "tests/simt/simt.h"

namespace pc::simt {

constexpr std::size_t kMaxThreads = 1024, kWarp = 32;

std::string text_of(const Index& i);  // "(1, 0, 0)"

struct Wait {
  Together kind;
  uint32_t mask;
  std::source_location where;
  uint64_t bits;      // brought, and on return received
  std::size_t other;  // the lane whose bits a shuffle wants
};

struct Thread {
  enum class State : uint8_t { ready, waiting, done } state;
  Wait wait;
  uint16_t block_barriers, warp_barriers;
};

// Lives on a host thread of its own: what kernels call shared memory is that thread's.
class Machine {
 public:
  // Only the pass in the first order is traced.
  Machine(const Launch& launch, std::size_t order, bool traced);

  // Throws what a thread has done wrong.
  void run();
  // From a running thread: waits until the collective is complete; returns what it received.
  uint64_t wait(const Wait& wait);
  // From a running thread: ends the pass.
  [[noreturn]] void stop(const std::string& message);
  Running& running() { return running_; }
  std::string thread_name(std::size_t thread) const;

 private:
  static void* make_fiber(char* stack);
  static void fiber_main();
  void resume(std::size_t thread);
  void run_block();
  bool complete_block();
  bool complete_warp(std::size_t thread);
  void receive(Thread& thread, std::size_t lane, const Thread* warp);
  std::string who_waits() const;

  Running running_{};
  char* shared_;
  std::vector<Thread> threads_;
  std::vector<void*> fibers_;  // where each stack goes on
  std::vector<std::size_t> thread_order_, block_order_;
  void* scheduler_ = nullptr;
  std::string fault_;
};

}  // namespace pc::simt
