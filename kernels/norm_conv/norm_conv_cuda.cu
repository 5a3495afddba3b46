// norm_conv on CUDA: three cuDNN graphs, and the kernels on per-channel vectors that they need.
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d_graph.h"
#include "kernels/norm_conv/norm_conv.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/streams.h"

namespace pc {
namespace {

constexpr int kThreads = 256;
constexpr ConvPass kPasses[] = {ConvPass::norm_forward, ConvPass::norm_backward_data, ConvPass::norm_backward_weight};

// NormConvForward::saved row by row.
struct Saved {
  float *mean, *invstd, *gamma, *beta;
  __half *scale, *shift;
  Saved(float* rows, int c)
      : mean(rows),
        invstd(rows + c),
        gamma(rows + 2 * c),
        beta(rows + 3 * c),
        scale(reinterpret_cast<__half*>(rows + 4 * c)),
        shift(scale + c) {}
  Saved(const float* rows, int c) : Saved(const_cast<float*>(rows), c) {}
};

// The nearest f16 in [-most, most]; propagates NaN.
__device__ inline __half limited(float v, float most) {
  return __float2half_rn(v > most ? most : v < -most ? -most : v);
}

// If all values of a channel are nearly equal and far from 0, the shift would overflow f16: the scale is limited; the
// slope of such a channel does not matter.
__global__ void fold_kernel(int channels, const float* gamma, const float* beta, Saved to) {
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= channels) return;
  const float mean = to.mean[c], invstd = to.invstd[c];
  constexpr float kLargest = 65504;
  to.scale[c] = limited(gamma[c] * invstd, fminf(kLargest, 60000 / fabsf(mean)));
  const float scale = __half2float(to.scale[c]);
  to.shift[c] = limited(beta[c] - mean * scale, kLargest);
  to.gamma[c] = scale / invstd;
  to.beta[c] = __half2float(to.shift[c]) + mean * scale;
}

BatchNormShape norm_of(const Conv2dShape& s) { return {.rows = int64_t(s.n) * s.h * s.w, .c = s.c}; }
const CudnnPlan& plan_of(const Conv2dShape& s, ConvPass pass) { return *conv2d_plan({s, DType::f16, pass}); }

bool takes(const Conv2dShape& s, DType dtype) {
  if (s.n == 0 || dtype != DType::f16 || s.groups > 1 || s.x_channels() != s.c || s.c % kVecWidth != 0 ||
      s.k % kVecWidth != 0)
    return false;
  for (const ConvPass pass : kPasses)
    if (!conv2d_plan({s, dtype, pass})) return false;
  return true;
}

void forward(const Conv2dShape& s, const NormConvForward& a) {
  const Saved saved(a.saved, s.c);
  batch_norm_moments(norm_of(s), DType::f16,
                     {.x = a.x,
                      .gamma = a.gamma,
                      .beta = a.beta,
                      .eps = a.eps,
                      .momentum = a.momentum,
                      .running_mean = a.running_mean,
                      .running_var = a.running_var,
                      .mean = saved.mean,
                      .invstd = saved.invstd,
                      .sums = a.sums});
  launch(unsigned(ceil_div(s.c, kThreads)), kThreads, fold_kernel, s.c, a.gamma, a.beta, saved);
  plan_of(s, ConvPass::norm_forward)
      .run({{kConvX, a.x},
            {kConvScale, saved.scale},
            {kConvShift, saved.shift},
            {kConvW, a.w},
            {kConvY, a.y},
            {kConvSum, a.y_sums},
            {kConvSquares, a.y_sums + s.k}});
}

// cuDNN writes dw in 16 bits; it is cast to f32.
void backward_weight(const Conv2dShape& s, const NormConvBackward& a) {
  const Saved saved(a.saved, s.c);
  const int64_t elements = int64_t(s.k) * s.r * s.s * s.c;
  const Buffer dw16(Device::cuda, std::size_t(elements) * size_of(DType::f16));
  plan_of(s, ConvPass::norm_backward_weight)
      .run(
          {{kConvX, a.x}, {kConvScale, saved.scale}, {kConvShift, saved.shift}, {kConvY, a.dy}, {kConvW, dw16.data()}});
  cast_cuda.forward(elements, DType::f16, dw16.data(), DType::f32, a.dw);
}

// dx first holds the gradient of the norm's output.
void backward_data(const Conv2dShape& s, const NormConvBackward& a) {
  const Saved saved(a.saved, s.c);
  const Buffer unused(Device::cuda, std::size_t(s.c) * 3 * sizeof(float)),
      shifts(Device::cuda, std::size_t(s.c) * 2 * sizeof(float));
  plan_of(s, ConvPass::norm_backward_data)
      .run({{kConvY, a.dy},
            {kConvW, a.w},
            {kConvNormX, a.x},
            {kConvMean, saved.mean},
            {kConvInvstd, saved.invstd},
            {kConvGamma, saved.gamma},
            {kConvBeta, saved.beta},
            {kConvX, a.dx},
            {kConvDgamma, a.dgamma},
            {kConvDbeta, a.dbeta},
            {kConvA, unused.as<float>()},
            {kConvB, unused.as<float>() + s.c},
            {kConvC, unused.as<float>() + 2 * s.c}});
  const BatchNormBackward norm{.dy = a.dx,
                               .x = a.x,
                               .gamma = a.gamma,
                               .mean = saved.mean,
                               .invstd = saved.invstd,
                               .dx = a.dx,
                               .dgamma = a.dgamma,
                               .dbeta = a.dbeta};
  batch_norm_shifts_from_gradients(norm_of(s), norm, shifts.as<float>());
  batch_norm_apply_gradients(norm_of(s), DType::f16, norm, shifts.as<float>());
}

void backward(const Conv2dShape& s, const NormConvBackward& a) {
  if (a.branches) return run_concurrently([&] { backward_weight(s, a); }, [&] { backward_data(s, a); });
  backward_data(s, a);
  backward_weight(s, a);
}

}  // namespace

const NormConvKernels norm_conv_cuda{.takes = takes, .forward = forward, .backward = backward};

}  // namespace pc
