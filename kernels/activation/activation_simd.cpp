// Fills activation_cpu: one streaming pass; the activation is a constant of each loop.
#if defined(__GNUC__) && !defined(__clang__)
// GCC leaves the four vectors of stream_parts() one after the other, each a chain in which every step waits for the one
// before: 1.2 times slower for gelu.
#pragma GCC optimize("schedule-insns")
#endif

#include "kernels/activation/activation_simd.h"

#include "kernels/base/parallel.h"
#include "kernels/runtime/simd_stream.h"

namespace pc {
namespace {

using simd::f32x;

static_assert(kElementGrain % 8 == 0, "no two blocks share a byte of the mask");

// How far ahead x is requested: the processor waits for few loads at a time while it computes as much as gelu does.
template <class T>
constexpr int64_t kAhead = 2048 / sizeof(T);

// y[i] = f(i, lanes) for all elements, in vectors.
template <class T, class F>
void fill(int64_t n, T* y, F&& f) {
  const bool streamed = simd::can_stream(y, n);
  parallel_for(n, kElementGrain, [=](int64_t begin, int64_t end) {
    if (streamed) return simd::stream_parts(begin, end, y, f);
    simd::for_lanes(begin, end, [=](int64_t i, auto lanes) { simd::store(y + i, f(i, lanes), lanes); });
  });
}

template <class T>
void relu_with_mask(int64_t n, const T* x, T* y, uint8_t* mask) {
  fill(n, y, [=](int64_t i, auto lanes) {
    const f32x v = simd::load(x + i, lanes);
    const uint32_t bits = simd::relu_bits(v);
    std::memcpy(mask + i / 8, &bits, std::size_t(lanes + 7) / 8);
    return simd::relu(v);
  });
}

template <class T>
void relu_backward(int64_t n, const T* dy, const uint8_t* mask, T* dx) {
  fill(n, dx, [=](int64_t i, auto lanes) {
    uint32_t bits = 0;
    std::memcpy(&bits, mask + i / 8, std::size_t(lanes + 7) / 8);
    return simd::keep(simd::load(dy + i, lanes), bits);
  });
}

template <class T>
void forward_of(int64_t n, Activation activation, const T* x, T* y, uint8_t* mask) {
  if (activation == Activation::relu && mask) return relu_with_mask(n, x, y, mask);
  simd::with_activation(activation, [=](auto kind) {
    fill(n, y, [=](int64_t i, auto lanes) {
      __builtin_prefetch(x + i + kAhead<T>);
      return simd::activate<kind.value>(simd::load(x + i, lanes));
    });
  });
}

template <class T>
void backward_of(int64_t n, Activation activation, const T* dy, const T* x, const uint8_t* mask, T* dx) {
  if (activation == Activation::relu) return relu_backward(n, dy, mask, dx);
  simd::with_activation(activation, [=](auto kind) {
    fill(n, dx, [=](int64_t i, auto lanes) {
      __builtin_prefetch(x + i + kAhead<T>);
      __builtin_prefetch(dy + i + kAhead<T>);
      return simd::load(dy + i, lanes) * simd::activation_slope<kind.value>(simd::load(x + i, lanes));
    });
  });
}

void forward(int64_t n, DType dtype, Activation activation, const void* x, void* y, uint8_t* mask) {
  if (dtype == DType::f32) return forward_of(n, activation, static_cast<const float*>(x), static_cast<float*>(y), mask);
  if (dtype == DType::bf16) return forward_of(n, activation, static_cast<const bf16*>(x), static_cast<bf16*>(y), mask);
  fail_cpu_dtype("activation: x", dtype);
}

void backward(int64_t n, DType dtype, Activation activation, const void* dy, const void* x, const uint8_t* mask,
              void* dx) {
  if (dtype == DType::f32)
    return backward_of(n, activation, static_cast<const float*>(dy), static_cast<const float*>(x), mask,
                       static_cast<float*>(dx));
  if (dtype == DType::bf16)
    return backward_of(n, activation, static_cast<const bf16*>(dy), static_cast<const bf16*>(x), mask,
                       static_cast<bf16*>(dx));
  fail_cpu_dtype("activation: dy", dtype);
}

}  // namespace

const ActivationKernels activation_cpu{.forward = forward, .backward = backward};

}  // namespace pc
