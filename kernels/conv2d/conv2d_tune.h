// Tuning: the choice among cuDNN's engines by running them. An engine must give correct values and must not write
// outside its tensors and workspace: old versions of cuDNN had engines that failed either check.
#pragma once

#include "kernels/conv2d/conv2d_graph.h"

namespace pc {

// The fastest engine that passes verification on random data; null if none does.
std::unique_ptr<CudnnPlan> conv2d_tuned_plan(const ConvKey& key, const CudnnGraph& graph, const CudnnPolicy& policy);

}  // namespace pc
