// The choice among cuDNN's engines by trying them: an engine may win that gives the right values and leaves the bytes
// around its tensors and its workspace alone. Old versions have shipped engines that did neither.
#pragma once

#include "kernels/conv2d/conv2d_graph.h"

namespace pc {

// The fastest engine that stands the test on random data; null where none does.
std::unique_ptr<CudnnPlan> conv2d_tuned_plan(const ConvKey& key, const CudnnGraph& graph, const CudnnPolicy& policy);

}  // namespace pc
