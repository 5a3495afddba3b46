// FoldedConv: a convolution with its batch norm folded into filter and bias, ready for inference.
#pragma once

#include <memory>

#include "engine/ops.h"

namespace pc {

// The parameters of a batch norm in evaluation.
struct NormParameters {
  Tensor gamma, beta, running_mean, running_var;  // f32 [k]
  Required<float> eps;
};

// w' = w * gamma / sqrt(var + eps), bias' = beta + (bias - mean) * gamma / sqrt(var + eps), f32 on the CPU.
struct FoldedFilter {
  Tensor w, bias;
};
// w f32 [k,…]: the filters one after another; the layout within a filter does not matter. bias: [k], or empty for 0.
FoldedFilter fold(const Tensor& w, const NormParameters& norm, const Tensor& bias = Tensor());

class FoldedConv {
 public:
  // w [k,r,s,c/groups] f32. The folded filter is packed for inputs like `x_shape` of `dtype`; forward() accepts other sizes
  // and batches.
  FoldedConv(const Tensor& w, const NormParameters& norm, const Conv2dOptions& options, const Shape& x_shape,
             DType dtype);
  // A convolution with a bias [k] (or none, if it is empty) and no norm.
  FoldedConv(const FoldedFilter& filter, const Conv2dOptions& options, const Shape& x_shape, DType dtype,
             Device device);

  // f(conv(x) + bias + residual); residual may be empty.
  Tensor forward(const Tensor& x, const Tensor& residual, Activation activation) const;
  DType dtype() const { return dtype_; }

 private:
  Shape filter_;
  Conv2dOptions options_;
  DType dtype_;
  std::unique_ptr<PackedFilter> packed_;
};

}  // namespace pc
