// Two pieces of work that the GPU may do at the same time, each on a stream of its own.
#pragma once

#include <functional>

namespace pc {

// Enqueues both; stream() is another one within `branch`. Both see all work enqueued before, and all work enqueued
// after waits for both. Neither may read what the other writes. Memory that either frees stays aside until they have
// joined, so temporaries and workspaces need no care. Only events order the streams: the host waits for nothing, and a
// CUDA graph captures both. No cuBLAS on a branch: its handle is bound to the first stream.
void run_concurrently(const std::function<void()>& branch, const std::function<void()>& trunk);

}  // namespace pc
