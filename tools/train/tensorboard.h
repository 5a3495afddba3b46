// The scalars of a run in the form that TensorBoard reads: records of protocol buffers, each with its checksums.
#pragma once

#include <filesystem>

namespace pc::train {

// Brings RUN/events.out.tfevents.pctrain up to RUN/metrics.jsonl: loss, accuracy, macro-F1, learning rate and pictures
// per second of each epoch, and the test's figures at its epoch. A time is the seconds of training since the run began.
// What the file holds already stays and the rest is appended, so that a running TensorBoard sees it grow; a file that
// holds something else is replaced. Errors: Error(file); Error(data) naming the line of metrics.jsonl.
void write_tensorboard(const std::filesystem::path& run);

}  // namespace pc::train
