// Threads of the CPU kernels: OpenMP, the pool that oneDNN uses too.
//
// Work is cut into blocks whose size depends on the problem only, never on the number of threads; a block is computed by
// one thread from start to end. A kernel that sums within blocks and then over blocks in order gives the same bits with
// any number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace pc {

int thread_count();
void set_thread_count(int threads);  // 0: one per core the process may use

namespace detail {
void run_blocks(int64_t blocks, const std::function<void(int64_t)>& block);
}

// Calls f(begin, end) over [0, n) in blocks of `grain`, each block once, on all threads.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  const int64_t blocks = (n + grain - 1) / grain;
  if (blocks == 1) return f(int64_t(0), n);
  detail::run_blocks(blocks, [&](int64_t i) { f(i * grain, std::min(n, (i + 1) * grain)); });
}

}  // namespace pc
