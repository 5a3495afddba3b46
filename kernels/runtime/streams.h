// Runs two pieces of work concurrently on the GPU, each on its own stream.
#pragma once

#include <functional>

namespace pc {

// Enqueues both; within `branch`, stream() is a second stream. Both wait for all work enqueued before, and all work
// enqueued after waits for both. Neither may read what the other writes. Memory that either frees is not reused until
// both have joined (DeferredFree), so temporaries and workspaces are safe. Only events order the streams: the host does
// not wait, and a CUDA graph captures both. No cuBLAS in a branch: its handle is bound to the first stream.
void run_concurrently(const std::function<void()>& branch, const std::function<void()>& trunk);

}  // namespace pc
