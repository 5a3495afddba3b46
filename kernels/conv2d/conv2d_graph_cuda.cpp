// Builds the graph of a pass.
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
  CudnnTensor residual = y, last = inner(10, y);
  residual.id = kConvResidual;
  graph.conv_forward(conv, x, w, last);
  if (key.residual) {
    const CudnnTensor sum = inner(11, y);
    graph.add(last, residual, sum);
    last = sum;
  }
  const CudnnTensor biased = key.relu ? inner(12, y) : y;
  graph.add(last, nhwc_tensor(kConvBias, key.dtype, {1, key.shape.k, 1, 1}), biased);
  if (key.relu) graph.relu(biased, y);
}

}  // namespace

int conv2d_channels(int c, DType dtype) { return dtype == DType::f32 ? c : (c + 7) / 8 * 8; }

Conv2dShape conv2d_padded(Conv2dShape shape, DType dtype) {
  shape.c = conv2d_channels(shape.c, dtype);
  shape.x_c = 0;
  return shape;
}

CudnnGraph conv2d_graph(const ConvKey& key) {
  const Conv2dShape& s = key.shape;
  CudnnTensor x = nhwc_tensor(kConvX, key.dtype, {s.n, s.c, s.h, s.w});
  const CudnnTensor w = nhwc_tensor(kConvW, key.dtype, {s.k, s.c, s.r, s.s});
  const CudnnTensor y = nhwc_tensor(kConvY, key.dtype, {s.n, s.k, s.p(), s.q()});
  CudnnConv conv{.stride = s.stride, .pad = s.pad};
  const bool reads_forward = key.pass == ConvPass::forward || key.pass == ConvPass::infer;
  // cuDNN takes a tensor whose dimension times stride passes the next stride for one that overlaps itself: odd sizes.
  const bool sparse =
      s.r == 1 && s.s == 1 && s.pad == 0 && s.stride > 1 && s.p() * s.stride <= s.h && s.q() * s.stride <= s.w;
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
      graph.sums(y, nhwc_tensor(kConvSum, DType::f32, {1, s.k, 1, 1}),
                 nhwc_tensor(kConvSquares, DType::f32, {1, s.k, 1, 1}));
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
  }
  return graph;
}

CudnnPolicy conv2d_policy(DType dtype) { return {.full_f32 = dtype == DType::f32}; }

}  // namespace pc
