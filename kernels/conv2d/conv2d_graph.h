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

// norm_…: of a convolution that reads x through a batch norm and ReLU of its own, z = relu(x * scale + shift), and
// never sees z in memory; f16 only. Forward leaves sums as forward_sums does, the data's gradient stops at the norm's
// output and leaves what the norm's parameters get.
enum class ConvPass : uint8_t {
  forward,
  forward_sums,
  backward_data,
  backward_weight,
  infer,
  norm_forward,
  norm_backward_data,
  norm_backward_weight
};

// What a pass writes besides the sums of its channels: dx, dw, else y.
constexpr bool writes_dx(ConvPass p) { return p == ConvPass::backward_data || p == ConvPass::norm_backward_data; }
constexpr bool writes_dw(ConvPass p) { return p == ConvPass::backward_weight || p == ConvPass::norm_backward_weight; }
// Whether it leaves the sums of y.
constexpr bool sums_y(ConvPass p) { return p == ConvPass::forward_sums || p == ConvPass::norm_forward; }
// Whether it has a substitute, so that nobody needs an engine that was tried and failed.
constexpr bool is_optional(ConvPass p) { return p == ConvPass::forward_sums || p >= ConvPass::norm_forward; }

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
constexpr int64_t kConvSum = 6, kConvSquares = 7;  // forward_sums, norm_forward: f32 [k] of y and of y * y
// norm_forward, norm_backward_weight: z = relu(x * scale + shift), f16 [c].
constexpr int64_t kConvScale = 8, kConvShift = 9;
// norm_backward_data: dx is g, dz where z > 0 and 0 elsewhere. Read are the norm's x and f32 [c] of
// z = relu((x - mean) * invstd * gamma + beta), written f32 [c] of the sums of g * (x - mean) * invstd and of g, and
// three that nobody wants: cuDNN's a, b, c with dx = a * g + b * x + c, which cancel where the mean is far from 0.
constexpr int64_t kConvNormX = 10, kConvMean = 11, kConvInvstd = 12, kConvGamma = 13, kConvBeta = 14, kConvDgamma = 15,
                  kConvDbeta = 16, kConvA = 17, kConvB = 18, kConvC = 19;

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
