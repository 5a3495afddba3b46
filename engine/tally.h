// Tally: losses and hits of every head since they were last taken, kept on the device: only take() waits.
#pragma once

#include "engine/ops.h"
#include "kernels/tally/tally.h"

namespace pc {

class Tally {
 public:
  Tally(std::size_t heads, Device device);
  // logits f32 [n, classes] of a head, its targets (the first label of each counts) and its mean loss.
  void add(std::size_t head, const Tensor& logits, const Targets& targets, const Tensor& loss);
  // One of each head: the sum of loss times n, hits, and rows with a label. Begins again at 0.
  std::vector<TallyCounts> take();

 private:
  std::size_t heads_;
  Buffer counts_;
};

}  // namespace pc
