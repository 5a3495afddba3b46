// Activations on CUDA.
#include "kernels/activation/activation.cuh"
#include "kernels/runtime/elementwise.cuh"

namespace pc {
namespace {

template <class T, bool Aligned>
__global__ void forward_kernel(int64_t n, Activation activation, const T* x, T* y, uint8_t* mask) {
  with_activation(activation, [=](auto kind) {
    for_each_vec8<Aligned, 1>(n, {x}, [=](int64_t i, int count, float(&v)[1][kVecWidth]) {
      if (kind.value == Activation::relu && mask) mask[i / kVecWidth] = relu_bits(v[0], count);
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) v[0][j] = activate<kind.value>(v[0][j]);
      store_vec8<Aligned>(y + i, count, v[0]);
    });
  });
}

template <class T, bool Aligned>
__global__ void backward_kernel(int64_t n, Activation activation, const T* dy, const T* x, T* dx) {
  with_activation(activation, [=](auto kind) {
    for_each_vec8<Aligned, 2>(n, {dy, x}, [=](int64_t i, int count, float(&v)[2][kVecWidth]) {
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) v[0][j] *= activation_slope<kind.value>(v[1][j]);
      store_vec8<Aligned>(dx + i, count, v[0]);
    });
  });
}

template <class T, bool Aligned>
__global__ void relu_backward_kernel(int64_t n, const T* dy, const uint8_t* mask, T* dx) {
  for_each_vec8<Aligned, 1>(n, {dy}, [=](int64_t i, int count, float(&v)[1][kVecWidth]) {
    const unsigned bits = mask[i / kVecWidth];
#pragma unroll
    for (int j = 0; j < kVecWidth; ++j) v[0][j] = bits >> j & 1 ? v[0][j] : 0.0f;
    store_vec8<Aligned>(dx + i, count, v[0]);
  });
}

void forward(int64_t n, DType dtype, Activation activation, const void* x, void* y, uint8_t* mask) {
  with_float_type("activation", dtype, [&](auto element) {
    with_flag(aligned16({x, y}), [&](auto aligned) {
      using T = decltype(element);
      launch(elementwise_grid(n), kElementwiseThreads, forward_kernel<T, aligned.value>, n, activation,
             static_cast<const T*>(x), static_cast<T*>(y), mask);
    });
  });
}

void backward(int64_t n, DType dtype, Activation activation, const void* dy, const void* x, const uint8_t* mask,
              void* dx) {
  with_float_type("activation", dtype, [&](auto element) {
    using T = decltype(element);
    const T* gradient = static_cast<const T*>(dy);
    if (activation == Activation::relu)
      with_flag(aligned16({dy, dx}), [&](auto aligned) {
        launch(elementwise_grid(n), kElementwiseThreads, relu_backward_kernel<T, aligned.value>, n, gradient, mask,
               static_cast<T*>(dx));
      });
    else
      with_flag(aligned16({dy, x, dx}), [&](auto aligned) {
        launch(elementwise_grid(n), kElementwiseThreads, backward_kernel<T, aligned.value>, n, activation, gradient,
               static_cast<const T*>(x), static_cast<T*>(dx));
      });
  });
}

}  // namespace

const ActivationKernels activation_cuda{.forward = forward, .backward = backward};

}  // namespace pc
