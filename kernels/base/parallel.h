// Threads of the CPU kernels: one team for the process, kept between calls.
//
// Work is cut into blocks whose size depends on the problem only, never on the number of threads; a block is computed
// by one thread from start to end. A kernel that sums within blocks and then over blocks in order gives the same bits
// with any number of threads.
//
// The caller works too, and never waits for a thread that has not begun: on a machine busy with other programs, whoever
// gets a core takes the blocks of those that do not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace pc {

// Of the calls from this thread: what set_thread_count said here, else $OMP_NUM_THREADS, else one per core the process
// may use.
int thread_count();
void set_thread_count(int threads);  // 0: back to the default

// Calls f(i, worker) for i in [0, count), each once. 0 <= worker < thread_count() tells apart the threads that run at
// the same time. Calls from within f, and while another thread has the team at work, run on the calling thread alone.
// An exception of f is thrown on when no thread is at work any more.
void parallel_each(int64_t count, const std::function<void(int64_t i, int worker)>& f);

// A block of an op that works on each element by itself.
constexpr int64_t kElementGrain = 32768;

// Calls f(begin, end) over [0, n) in blocks of `grain`, each block once, on all threads.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  const int64_t blocks = (n + grain - 1) / grain;
  if (blocks == 1) return f(int64_t(0), n);
  const auto block = [&](int64_t i, int) { f(i * grain, std::min(n, (i + 1) * grain)); };
  parallel_each(blocks, std::ref(block));
}

}  // namespace pc
