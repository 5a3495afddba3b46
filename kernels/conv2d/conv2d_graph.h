// The convolutions as cuDNN graphs: the graph of each pass, the policy for its engines, and the cache of plans.
//
// Observed in the heuristics of cuDNN 9.19 for sm_90: a strided 1x1 filter takes 154 MB of workspace at 256 x 56 x 56
// if the graph reads x as stored, and 26 MB if the graph describes every stride-th pixel as a tensor of its own.
// Backward passes gain nothing from that, and the engines that also compute sums require x as stored. Every precompiled
// engine that computes dx can also add to it (beta = 1). Precompiled engines for inference exist only with the residual
// added before the bias and the bias in the type of x.
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/cudnn_graph.h"

namespace pc {

// norm_…: a convolution of z = relu(x * scale + shift), a batch norm and ReLU that the engine computes from x, so that
// z is never in memory; f16 only. norm_forward also computes the sums, as forward_sums does; norm_backward_data
// computes the gradient of the norm's output and those of the norm's parameters.
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

// The tensor that a pass writes, besides sums per channel: dx, dw, else y.
constexpr bool writes_dx(ConvPass p) { return p == ConvPass::backward_data || p == ConvPass::norm_backward_data; }
constexpr bool writes_dw(ConvPass p) { return p == ConvPass::backward_weight || p == ConvPass::norm_backward_weight; }
// Whether it writes the sums of y.
constexpr bool sums_y(ConvPass p) { return p == ConvPass::forward_sums || p == ConvPass::norm_forward; }
// Whether other passes can replace it, so that an engine that failed verification need not be used.
constexpr bool is_optional(ConvPass p) { return p == ConvPass::forward_sums || p >= ConvPass::norm_forward; }

// Everything that a plan depends on. All tensors have the type `dtype`, including the gradient of the filters.
struct ConvKey {
  Conv2dShape shape;
  DType dtype;
  ConvPass pass;
  bool residual = false;                     // infer
  Activation activation = Activation::none;  // infer: none or relu, which precompiled engines have
  bool add = false;                          // backward_data: dx += the gradient
  auto operator<=>(const ConvKey&) const = default;
};

// Ids of the tensors in the graphs: x or dx, w or dw, y or dy.
constexpr int64_t kConvX = 1, kConvW = 2, kConvY = 3, kConvResidual = 4, kConvBias = 5;
constexpr int64_t kConvSum = 6, kConvSquares = 7;  // forward_sums, norm_forward: f32 [k] of y and of y * y
// norm_forward, norm_backward_weight: z = relu(x * scale + shift), f16 [c].
constexpr int64_t kConvScale = 8, kConvShift = 9;
// norm_backward_data: dx is g, which is dz where z > 0 and 0 elsewhere. It reads the norm's x and the f32 [c] vectors
// of z = relu((x - mean) * invstd * gamma + beta). It writes f32 [c]: the sums of g * (x - mean) * invstd and of g, and
// three that are not used: cuDNN's a, b, c of dx = a * g + b * x + c, which lose precision if the mean is far from 0.
constexpr int64_t kConvNormX = 10, kConvMean = 11, kConvInvstd = 12, kConvGamma = 13, kConvBeta = 14, kConvDgamma = 15,
                  kConvDbeta = 16, kConvA = 17, kConvB = 18, kConvC = 19;

// conv2d_channels: the channels of tensors in the graphs: in 16-bit types padded to a multiple of 8.
// conv2d_padded: the shape with these channels; groups stay as they are.
int conv2d_channels(int c, DType dtype);
Conv2dShape conv2d_padded(Conv2dShape shape, DType dtype);

CudnnGraph conv2d_graph(const ConvKey& key);

// At most 64 MiB of workspace, the same bits every time, no engine that is compiled at run time; f32 without TF32.
CudnnPolicy conv2d_policy(DType dtype);

// The plan of a key, created at the first call and then cached. Null: cuDNN has no engine.
const CudnnPlan* conv2d_plan(const ConvKey& key);

}  // namespace pc
