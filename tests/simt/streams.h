// What the host gave to the stand-in's streams, in its order: everything runs at once here, so the order is what there
// is to check.
#pragma once

#include <string>
#include <vector>

#include "cuda_runtime.h"

namespace pc::simt {

// "work 1": kernels, copies or cuDNN on the first stream. "record 1": an event takes note of it. "wait 2": the second
// stream waits for the last record. Neighbouring works of one stream are one line.
const std::vector<std::string>& stream_notes();
void clear_stream_notes();
void note_work(cudaStream_t stream);

// Copies to pinned memory arrive no sooner than the host waits for them. How many were asked for in all; `arrive`
// brings the first so many.
std::size_t late_copies();
void arrive(std::size_t count);

}  // namespace pc::simt
