#include "engine/folded_conv.h"

#include <cmath>

#include "kernels/base/parallel.h"

namespace pc {

FoldedFilter fold(const Tensor& w, const NormParameters& norm, const Tensor& bias) {
  const int64_t k = w.dim(0), length = w.size() / k;
  const Tensor source = w.to(Device::cpu);
  const std::vector<float> gamma = norm.gamma.to_vector<float>(), beta = norm.beta.to_vector<float>(),
                           mean = norm.running_mean.to_vector<float>(), var = norm.running_var.to_vector<float>(),
                           before = bias.empty() ? std::vector<float>(std::size_t(k)) : bias.to_vector<float>();
  FoldedFilter folded{.w = Tensor(w.shape(), DType::f32, Device::cpu), .bias = Tensor({k}, DType::f32, Device::cpu)};
  parallel_for(k, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto c = std::size_t(i);
      const double scale = gamma[c] / std::sqrt(double(var[c]) + norm.eps);
      folded.bias.as<float>()[i] = float(beta[c] - (double(mean[c]) - before[c]) * scale);
      const float* in = source.as<float>() + i * length;
      float* out = folded.w.as<float>() + i * length;
      for (int64_t j = 0; j < length; ++j) out[j] = float(in[j] * scale);
    }
  });
  return folded;
}

FoldedConv::FoldedConv(const Tensor& w, const NormParameters& norm, const Conv2dOptions& options, const Shape& x_shape,
                       DType dtype)
    : FoldedConv(fold(w, norm), options, x_shape, dtype, w.device()) {}

FoldedConv::FoldedConv(const FoldedFilter& filter, const Conv2dOptions& options, const Shape& x_shape, DType dtype,
                       Device device)
    : filter_(filter.w.shape()), options_(options), dtype_(dtype) {
  const Tensor w = filter.w.to(device), bias = filter.bias.empty() ? Tensor() : filter.bias.to(device);
  packed_ = PC_KERNELS(conv2d, device)
                .pack(conv2d_shape(device, dtype, x_shape, filter_, options), dtype, w.as<float>(),
                      bias.empty() ? nullptr : bias.as<float>());
}

Tensor FoldedConv::forward(const Tensor& x, const Tensor& residual, Activation activation) const {
  const Conv2dShape shape = conv2d_shape(x.device(), dtype_, x.shape(), filter_, options_);
  Tensor y(conv2d_y_shape(x.shape(), shape), x.dtype(), x.device());
  PC_KERNELS(conv2d, x.device()).infer(shape, *packed_, x.data(), residual.data(), activation, y.data());
  return y;
}

}  // namespace pc
