// One pass over a grid: blocks in turn, or all at once in a cooperative launch; threads as fibers; a collective
// completes when all its threads have arrived.
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
  Collective kind;
  uint32_t mask;
  std::source_location where;
  uint64_t bits;      // given, and on return received
  std::size_t other;  // the lane whose bits a shuffle reads
};

struct Thread {
  enum class State : uint8_t { ready, waiting, done } state;
  Wait wait;
  uint16_t block_barriers, warp_barriers;
};

uint32_t next_phase();                       // unique over all machines
std::string state_of(const Thread& thread);  // "waits at file:12"

// Runs on a host thread of its own: the kernels' shared memory is that thread's thread_local memory.
class Machine {
 public:
  // Only the pass with the first order of threads is traced.
  Machine(const Launch& launch, std::size_t order, bool traced);

  // Throws the fault of a thread.
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
  bool all_wait(Collective kind) const;
  void complete_grid();
  bool complete_block();
  bool complete_warp(std::size_t thread);
  void receive(Thread& thread, std::size_t lane, const Thread* warp);
  std::string who_waits() const;
  std::string which_blocks_wait() const;

  Running running_{};
  char* shared_;
  std::size_t block_size_, first_ = 0;     // the running block's threads begin there
  std::vector<Thread> threads_;            // of all resident blocks
  std::vector<void*> fibers_;              // the saved stack pointer of each fiber
  std::vector<std::vector<Copy>> copies_;  // per thread: not waited for yet
  std::vector<std::size_t> thread_order_, block_order_;
  void* scheduler_ = nullptr;
  std::string fault_;
};
extern Machine* machine;  // the last one; not thread_local: that would be shared memory

}  // namespace pc::simt
