// A log of the host's calls on the simulated streams, in order: every call executes immediately here, so only the order
// can be checked.
#pragma once

#include <string>
#include <vector>

#include "cuda_runtime.h"

namespace pc::simt {

// "work 1": kernels, copies or cuDNN on the first stream. "record 1": an event is recorded on it. "wait 2": the second
// stream waits for the last record. Consecutive work on one stream is one line.
const std::vector<std::string>& stream_notes();
void clear_stream_notes();
void note_work(cudaStream_t stream);

// Copies to pinned memory are delayed until the host waits for them. late_copies(): the number requested so far;
// arrive(n): completes the first n.
std::size_t late_copies();
void arrive(std::size_t count);

}  // namespace pc::simt
