// The convolutions as cuDNN sees them: which graph stands for a pass, what an engine must respect, and the cache of
// plans.
//
// cuDNN 9.19 on sm_90, as its own heuristics tell: a 1x1 filter with a stride takes 154 MB of workspace at 256 x 56 x
// 56 where x is read as it lies, and 26 MB where the graph sees every stride-th pixel as a tensor of its own; backward
// passes gain nothing from that, and the engines that also leave sums want x as it lies. Every precompiled engine that
// makes dx adds to it as well (beta = 1). Precompiled engines for inference exist only with the residual added before
// the bias and the bias in the type of x.
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/cudnn_graph.h"

namespace pc {

enum class ConvPass : uint8_t { forward, forward_sums, backward_data, backward_weight, infer };

// Everything that a plan depends on. Tensors have the type `dtype`, the gradient of the filters too.
struct ConvKey {
  Conv2dShape shape;
  DType dtype;
  ConvPass pass;
  bool residual = false, relu = false;  // infer
  bool add = false;                     // backward_data: to what dx holds
  auto operator<=>(const ConvKey&) const = default;
};

// Ids of the tensors in the graphs: x or dx, w or dw, y or dy.
constexpr int64_t kConvX = 1, kConvW = 2, kConvY = 3, kConvResidual = 4, kConvBias = 5;
constexpr int64_t kConvSum = 6, kConvSquares = 7;  // forward_sums: f32 [k] of y and of y * y

// As many channels as the graphs get: 16-bit ones padded to a multiple of 8. The shape with them.
int conv2d_channels(int c, DType dtype);
Conv2dShape conv2d_padded(Conv2dShape shape, DType dtype);

CudnnGraph conv2d_graph(const ConvKey& key);

// Workspace of 64 MiB at most, the same bits every time, no engine that must be compiled first; f32 means f32 and no
// TF32.
CudnnPolicy conv2d_policy(DType dtype);

// Made at the first call for a key, then kept (conv2d_plans.h). Null: cuDNN has no engine.
const CudnnPlan* conv2d_plan(const ConvKey& key);

}  // namespace pc
