// Builds the cuDNN graph of a pass.
#include "kernels/conv2d/conv2d_graph.h"

namespace pc {
namespace {

CudnnTensor inner(int64_t id, const CudnnTensor& like) {
  CudnnTensor t = like;
  t.id = id;
  t.dtype = DType::f32;
  t.is_virtual = true;
  return t;
}

// y = relu?(conv + residual? + bias); between the operations everything is f32.
void infer_graph(CudnnGraph& graph, const ConvKey& key, const CudnnConv& conv, const CudnnTensor& x,
                 const CudnnTensor& w, const CudnnTensor& y) {
  CudnnTensor residual = y, last = inner(30, y);
  residual.id = kConvResidual;
  graph.conv_forward(conv, x, w, last);
  if (key.residual) {
    const CudnnTensor sum = inner(31, y);
    graph.add(last, residual, sum);
    last = sum;
  }
  const bool relu = key.activation == Activation::relu;
  const CudnnTensor biased = relu ? inner(32, y) : y;
  graph.add(last, nhwc_tensor(kConvBias, key.dtype, {1, key.shape.k, 1, 1}), biased);
  if (relu) graph.relu(biased, y);
}

CudnnTensor vector_of(int64_t id, DType dtype, int64_t channels) { return nhwc_tensor(id, dtype, {1, channels, 1, 1}); }

// z = relu(x * scale + shift), a virtual tensor in 16 bits: the input of the convolution.
CudnnTensor normed(CudnnGraph& graph, const ConvKey& key, const CudnnTensor& x) {
  const CudnnTensor scaled = inner(30, x), shifted = inner(31, x);
  CudnnTensor z = inner(32, x);
  z.dtype = key.dtype;
  graph.multiply(x, vector_of(kConvScale, key.dtype, key.shape.c), scaled);
  graph.add(scaled, vector_of(kConvShift, key.dtype, key.shape.c), shifted);
  graph.relu(shifted, z);
  return z;
}

void sums_of(CudnnGraph& graph, const CudnnTensor& y) {
  graph.sums(y, vector_of(kConvSum, DType::f32, y.dims[1]), vector_of(kConvSquares, DType::f32, y.dims[1]));
}

// dz of the convolution, set to 0 where z is 0; z is recomputed from the norm's x, with the order of operations that
// cuDNN's engines recognize.
void norm_backward_data_graph(CudnnGraph& graph, const CudnnConv& conv, const CudnnTensor& g, const CudnnTensor& w,
                              const CudnnTensor& dy) {
  const auto vector = [&](int64_t id) { return vector_of(id, DType::f32, g.dims[1]); };
  CudnnTensor x = g;
  x.id = kConvNormX;
  const CudnnTensor dz = inner(30, g), centered = inner(31, g), hat = inner(32, g), scaled = inner(33, g),
                    z = inner(34, g);
  graph.conv_backward_data(conv, dy, w, false, dz);
  graph.subtract(x, vector(kConvMean), centered);
  graph.multiply(centered, vector(kConvInvstd), hat);
  graph.multiply(hat, vector(kConvGamma), scaled);
  graph.add(scaled, vector(kConvBeta), z);
  graph.relu_backward(dz, z, g);
  graph.norm_gradients({.x = x,
                        .dy = g,
                        .mean = vector(kConvMean),
                        .invstd = vector(kConvInvstd),
                        .scale = vector(kConvGamma),
                        .dscale = vector(kConvDgamma),
                        .dbias = vector(kConvDbeta),
                        .a = vector(kConvA),
                        .b = vector(kConvB),
                        .c = vector(kConvC)});
}

}  // namespace

int conv2d_channels(int c, DType dtype) { return dtype == DType::f32 ? c : (c + 7) / 8 * 8; }

Conv2dShape conv2d_padded(Conv2dShape shape, DType dtype) {
  if (shape.groups == 1) shape.c = conv2d_channels(shape.c, dtype);
  shape.x_c = 0;
  return shape;
}

CudnnGraph conv2d_graph(const ConvKey& key) {
  const Conv2dShape& s = key.shape;
  CudnnTensor x = nhwc_tensor(kConvX, key.dtype, {s.n, s.c, s.h, s.w});
  const CudnnTensor w = nhwc_tensor(kConvW, key.dtype, {s.k, s.group_c(), s.r, s.s});
  const CudnnTensor y = nhwc_tensor(kConvY, key.dtype, {s.n, s.k, s.p(), s.q()});
  CudnnConv conv{.stride = s.stride, .pad_before = {s.pad.top, s.pad.left}, .pad_after = {s.pad.bottom, s.pad.right}};
  const bool reads_forward = key.pass == ConvPass::forward || key.pass == ConvPass::infer;
  // With odd sizes, a dimension times its stride exceeds the next stride, and cuDNN takes such a tensor for
  // overlapping.
  const bool sparse =
      s.r == 1 && s.s == 1 && s.pad == Padding(0) && s.stride > 1 && s.p() * s.stride <= s.h && s.q() * s.stride <= s.w;
  if (reads_forward && sparse) {
    x.dims = {s.n, s.c, s.p(), s.q()};
    x.strides[2] *= s.stride;
    x.strides[3] *= s.stride;
    conv.stride = 1;
  }
  CudnnGraph graph;
  switch (key.pass) {
    case ConvPass::forward:
      graph.conv_forward(conv, x, w, y);
      break;
    case ConvPass::forward_sums:
      graph.conv_forward(conv, x, w, y);
      sums_of(graph, y);
      break;
    case ConvPass::backward_data:
      graph.conv_backward_data(conv, y, w, key.add, x);
      break;
    case ConvPass::backward_weight:
      graph.conv_backward_filter(conv, x, y, w);
      break;
    case ConvPass::infer:
      infer_graph(graph, key, conv, x, w, y);
      break;
    case ConvPass::norm_forward:
      graph.conv_forward(conv, normed(graph, key, x), w, y);
      sums_of(graph, y);
      break;
    case ConvPass::norm_backward_data:
      norm_backward_data_graph(graph, conv, x, w, y);
      break;
    case ConvPass::norm_backward_weight:
      graph.conv_backward_filter(conv, normed(graph, key, x), y, w);
      break;
  }
  return graph;
}

CudnnPolicy conv2d_policy(DType dtype) { return {.full_f32 = dtype == DType::f32}; }

}  // namespace pc
