// The scalars of a run in the form that TensorBoard reads: records of protocol buffers, each with its checksums.
#pragma once

#include <filesystem>

namespace pc::train {

// Brings the event files in RUN/tensorboard/train, val and test up to RUN/metrics.jsonl: loss, accuracy, top-5 accuracy and macro-F1 per head,
// learning rate and images per second, by training step. The three are runs to TensorBoard, so that training and validation share a chart.
// Training's loss and accuracy are means since the event before. A time is the seconds of training since the run began.
// What a file holds already stays and the rest is appended, so that a running TensorBoard sees it grow; a file that
// holds something else is replaced. Errors: Error(file); Error(data) naming the line of metrics.jsonl.
void write_tensorboard(const std::filesystem::path& run);

}  // namespace pc::train
