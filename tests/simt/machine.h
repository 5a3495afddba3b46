// One pass over a grid: blocks in turn, or all at once in a cooperative launch; threads as fibers; collectives when all
// whom they concern have come.
#pragma once

#include <string>
#include <vector>

#include "tests/simt/simt.h"

namespace pc::simt {

constexpr std::size_t kMaxThreads = 1024, kWarp = 32;
constexpr char kPoison = char(0xff);  // NaN in every float type

std::string text_of(const Index& i);  // "(1, 0, 0)"
std::string text_of(const std::source_location& where);

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

uint32_t next_phase();                       // counts those of all machines
std::string state_of(const Thread& thread);  // "waits at file:12"

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
  void run_together();
  void enter(std::size_t block);
  void resume(std::size_t thread);
  void pause();
  bool run_block();
  Thread& here(std::size_t thread) { return threads_[first_ + thread]; }  // of the running block
  bool all_wait(Together kind) const;
  void complete_grid();
  bool complete_block();
  bool complete_warp(std::size_t thread);
  void receive(Thread& thread, std::size_t lane, const Thread* warp);
  std::string who_waits() const;
  std::string which_blocks_wait() const;

  Running running_{};
  char* shared_;
  std::size_t block_size_, first_ = 0;     // the running block's threads begin there
  std::vector<Thread> threads_;            // of all blocks that live at once
  std::vector<void*> fibers_;              // where each stack goes on
  std::vector<std::vector<Copy>> copies_;  // that nobody has waited for
  std::vector<std::size_t> thread_order_, block_order_;
  void* scheduler_ = nullptr;
  std::string fault_;
};
extern Machine* machine;  // the last one; not thread_local: that would be shared memory

}  // namespace pc::simt
