// conv2d: y[n,p,q,k] = sum over r,s,c of x[n, p*stride + r - top, q*stride + s - left, g(k) + c] * w[k,r,s,c].
//
// Cross-correlation as in PyTorch's conv2d; x and y are NHWC, w is KRSC; dilation 1, square strides; x is 0
// outside the image, where Padding lets the filter reach. The channels of x and y are divided into `groups` parts of
// equal size; a filter sees the part of x that belongs to its part of y: 0 <= c < x's channels / groups, and g(k) is where
// the part begins. Depthwise: one channel in each part, of x and of y.
//   dx[n,h,w,g(k) + c] = sum of dy[n,p,q,k] * w[k,r,s,c] over all (p,q,r,s,k) with h = p*stride + r - top
//                                                                              and w = q*stride + s - left
//   dw[k,r,s,c] = sum over n,p,q of dy[n,p,q,k] * x[n, p*stride + r - top, q*stride + s - left, g(k) + c]
#pragma once

#include <memory>
#include <string>

#include "kernels/activation/activation.h"
#include "kernels/runtime/select.h"

namespace pc {

// Rows and columns of zeros around an image.
struct Padding {
  int top = 0, bottom = 0, left = 0, right = 0;
  constexpr Padding(int all = 0) : Padding(all, all, all, all) {}
  constexpr Padding(int t, int b, int l, int r) : top(t), bottom(b), left(l), right(r) {}
  constexpr int height() const { return top + bottom; }  // how much they add to an image's
  constexpr int width() const { return left + right; }
  auto operator<=>(const Padding&) const = default;
};
std::string to_string(const Padding&);  // "1", or "0,1,0,1" for top, bottom, left, right if they differ

struct Conv2dShape {
  int n, h, w, c;  // x
  int k, r, s;     // filters [k, r, s, c / groups]
  int stride = 1;
  Padding pad = 0;
  int groups = 1;
  int x_c =
      0;  // channels of x and dx if they are padded to best_channels(c); 0: c, as with groups. Those beyond c are ignored
  constexpr int group_c() const { return c / groups; }  // channels of a filter
  constexpr int group_k() const { return k / groups; }
  constexpr bool depthwise() const { return groups > 1 && groups == c && groups == k; }
  constexpr int x_channels() const { return x_c > 0 ? x_c : c; }
  constexpr int p() const { return (h + pad.height() - r) / stride + 1; }  // height of y
  constexpr int q() const { return (w + pad.width() - s) / stride + 1; }   // width of y
  constexpr int64_t y_pixels() const { return int64_t(n) * p() * q(); }    // of all images
  auto operator<=>(const Conv2dShape&) const = default;
};

// Filters prepared for inference on one device: `pack` does any reordering, once.
class PackedFilter {
 public:
  virtual ~PackedFilter();
};

// The arguments of `backward`, which computes both gradients.
struct Conv2dBackward {
  const void *x, *w, *dy;
  bool add;  // as for backward_data
  void* dx;
  float* dw;
};

struct Conv2dKernels {
  // How many channels x should have so that it need not be copied: c, or more on a device that would pad x. Channels
  // beyond c are multiplied by 0; they may have any finite value.
  int (*best_channels)(int c, DType);
  // x, w, y of `dtype` (f32, bf16; f16 on CUDA). Sums are f32. bias: f32 [k], or null.
  void (*forward)(const Conv2dShape&, DType, const void* x, const void* w, const float* bias, void* y);
  // forward, and the sums of y and of y * y over n, p, q: f32 [2, k]. Returns false, and does nothing, if the device
  // cannot do both at once. Supported in f16 on CUDA without groups, if c and k are multiples of 8 and
  // cuDNN has an engine.
  bool (*forward_sums)(const Conv2dShape&, DType, const void* x, const void* w, void* y, float* sums);
  // add: dx += the gradient, added in f32 before rounding; else dx = the gradient.
  void (*backward_data)(const Conv2dShape&, DType, const void* dy, const void* w, bool add, void* dx);
  // dw is always f32.
  void (*backward_weight)(const Conv2dShape&, DType, const void* x, const void* dy, float* dw);
  // Both gradients; on CUDA they run concurrently.
  void (*backward)(const Conv2dShape&, DType, const Conv2dBackward&);

  // db[k], f32: the sum of dy over n, p, q.
  void (*backward_bias)(const Conv2dShape&, DType, const void* dy, float* db);

  // Inference: y = f(conv(x, w) + bias + residual), f the activation. w (KRSC) and bias (k, or null) are f32 on the device and
  // are copied. n, h, w of the shape may differ between calls, and pad if the stride is not 1. residual is null or has the layout of y.
  std::unique_ptr<PackedFilter> (*pack)(const Conv2dShape&, DType, const float* w, const float* bias);
  void (*infer)(const Conv2dShape&, PackedFilter&, const void* x, const void* residual, Activation, void* y);
};
extern const Conv2dKernels conv2d_cpu, conv2d_cuda;

}  // namespace pc
