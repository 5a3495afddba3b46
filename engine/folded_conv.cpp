#include "engine/folded_conv.h"

#include <cmath>

#include "kernels/base/parallel.h"

namespace pc {

FoldedFilter fold(const Tensor& w, const NormParameters& norm) {
  const int64_t k = w.dim(0), length = w.size() / k;
  const Tensor source = w.to(Device::cpu);
  const std::vector<float> gamma = norm.gamma.to_vector<float>(), beta = norm.beta.to_vector<float>(),
                           mean = norm.running_mean.to_vector<float>(), var = norm.running_var.to_vector<float>();
  FoldedFilter folded{.w = Tensor(w.shape(), DType::f32, Device::cpu), .bias = Tensor({k}, DType::f32, Device::cpu)};
  parallel_for(k, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto c = std::size_t(i);
      const double scale = gamma[c] / std::sqrt(double(var[c]) + norm.eps);
      folded.bias.as<float>()[i] = float(beta[c] - mean[c] * scale);
      const float* in = source.as<float>() + i * length;
      float* out = folded.w.as<float>() + i * length;
      for (int64_t j = 0; j < length; ++j) out[j] = float(in[j] * scale);
    }
  });
  return folded;
}

FoldedConv::FoldedConv(const Tensor& w, const NormParameters& norm, const Conv2dOptions& options, const Shape& x_shape,
                       DType dtype)
    : filter_(w.shape()), options_(options), dtype_(dtype) {
  const FoldedFilter folded = fold(w, norm);
  const Tensor w_device = folded.w.to(w.device()), b_device = folded.bias.to(w.device());
  packed_ = PC_KERNELS(conv2d, w.device())
                .pack(conv2d_shape(w.device(), dtype, x_shape, filter_, options), dtype, w_device.as<float>(),
                      b_device.as<float>());
}

Tensor FoldedConv::forward(const Tensor& x, const Tensor& residual, bool relu) const {
  const Conv2dShape shape = conv2d_shape(x.device(), dtype_, x.shape(), filter_, options_);
  Tensor y({shape.n, shape.p(), shape.q(), shape.k}, x.dtype(), x.device());
  PC_KERNELS(conv2d, x.device()).infer(shape, *packed_, x.data(), residual.data(), relu, y.data());
  return y;
}

}  // namespace pc
