// What the op tests share: random tensors, the trip to a device and back, and comparison with an f64 reference.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "kernels/base/parallel.h"
#include "kernels/base/random.h"
#include "kernels/cast/cast.h"
#include "kernels/runtime/built_for.h"
#include "kernels/runtime/select.h"
#include "tests/ops/guarded_memory.h"
#include "tests/ops/values.h"

namespace pc::test {

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInf = std::numeric_limits<float>::infinity();

// Integers in [0, bound).
inline std::vector<int32_t> random_integers(int64_t n, int bound, uint64_t seed) {
  std::vector<int32_t> values(static_cast<std::size_t>(n));
  for (int64_t i = 0; i < n; ++i)
    values[std::size_t(i)] = int32_t(philox(seed, 1, uint64_t(i)).word[0] % uint32_t(bound));
  return values;
}

// Numbers of elements with every remainder of a vector, an even and an odd number of vectors, and both sides of a block.
inline std::vector<int64_t> element_counts() {
  std::vector<int64_t> counts;
  for (int64_t n = 1; n <= 3 * built_for.lanes() + 1; ++n) counts.push_back(n);
  for (int64_t n : {kElementGrain - 1, kElementGrain, kElementGrain + 1}) counts.push_back(n);
  counts.push_back(2 * kElementGrain + built_for.lanes() + 3);
  return counts;
}

// While one lives, new arrays begin one element beyond a multiple of 16 bytes: kernels must not take them in vec8s.
class OffAlignment {
 public:
  OffAlignment() { elements = 1; }
  ~OffAlignment() { elements = 0; }
  static inline std::size_t elements = 0;
};

// An array on a device. Values go in and out through the device's own cast.
class Array {
 public:
  Array(Device device, DType dtype, int64_t n)
      : dtype_(dtype),
        n_(n),
        begin_(OffAlignment::elements * size_of(dtype)),
        memory_(device, begin_ + std::size_t(n) * size_of(dtype)) {}
  Array(Device device, DType dtype, const Values& values) : Array(device, dtype, int64_t(values.size())) {
    const std::vector<float> host(values.begin(), values.end());
    Buffer f32(device, host.size() * sizeof(float));
    memory::copy(device, f32.data(), Device::cpu, host.data(), f32.bytes());
    PC_KERNELS(cast, device).forward(n_, DType::f32, f32.data(), dtype, data());
  }
  template <class T>
  Array(Device device, DType dtype, const std::vector<T>& raw) : Array(device, dtype, int64_t(raw.size())) {
    memory::copy(device, data(), Device::cpu, raw.data(), bytes_used());
  }

  Values values() const {
    std::vector<float> host(static_cast<std::size_t>(n_));
    Buffer f32(memory_.device(), host.size() * sizeof(float));
    PC_KERNELS(cast, memory_.device()).forward(n_, dtype_, data(), DType::f32, f32.data());
    memory::copy(Device::cpu, host.data(), memory_.device(), f32.data(), f32.bytes());
    return Values(host.begin(), host.end());
  }
  template <class T>
  std::vector<T> raw() const {
    std::vector<T> host(bytes_used() / sizeof(T));
    memory::copy(Device::cpu, host.data(), memory_.device(), data(), bytes_used());
    return host;
  }
  std::vector<uint8_t> bytes() const { return raw<uint8_t>(); }
  void* data() const { return static_cast<char*>(memory_.data()) + begin_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data());
  }

 private:
  std::size_t bytes_used() const { return std::size_t(n_) * size_of(dtype_); }
  DType dtype_;
  int64_t n_;
  std::size_t begin_;
  DeviceMemory memory_;
};

// What `dtype` makes of the values: a test feeds the reference the numbers that the kernel sees.
inline Values rounded(const Values& values, DType dtype) { return Array(Device::cpu, dtype, values).values(); }

// Largest |got - want| allowed: relative to |want| plus an absolute part of `scale`, the size of the terms that were
// summed.
struct Tolerance {
  double relative, absolute;
};
inline Tolerance tolerance(DType dtype, double scale = 1) {
  const double unit = dtype == DType::f32 ? 1e-5 : dtype == DType::f16 ? 1e-3 : 8e-3;
  return {unit, (dtype == DType::f32 ? 1e-5 : unit * 1e-1) * scale};
}

inline void expect_close(const Values& got, const Values& want, Tolerance t, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  int shown = 0;
  for (std::size_t i = 0; i < want.size() && shown < 5; ++i) {
    const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
    if (same || std::abs(got[i] - want[i]) <= t.relative * std::abs(want[i]) + t.absolute) continue;
    ++shown;
    ADD_FAILURE() << what << "[" << i << "] is " << got[i] << ", expected " << want[i] << " (off by "
                  << got[i] - want[i] << ")";
  }
}

// Central differences of f at x in f64.
inline Values differences(const std::function<double(const Values&)>& f, Values x, double step = 1e-5) {
  Values slope(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i];
    x[i] = kept + step;
    const double up = f(x);
    x[i] = kept - step;
    slope[i] = (up - f(x)) / (2 * step);
    x[i] = kept;
  }
  return slope;
}

inline double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Runs a case on the CPU and, in a test of its own, on the GPU.
#define PC_NEEDS_GPU() \
  if (!::pc::cuda_available()) GTEST_SKIP() << "no GPU"

// run() with one and with two threads; it returns the bytes of everything the kernel wrote.
inline void expect_same_bits_with_two_threads(const std::function<std::vector<uint8_t>()>& run) {
  set_thread_count(1);
  const std::vector<uint8_t> one = run();
  set_thread_count(2);
  const std::vector<uint8_t> two = run();
  set_thread_count(0);
  EXPECT_TRUE(one == two) << "the bits depend on the number of threads";
}

inline std::vector<uint8_t> joined(std::initializer_list<const Array*> arrays) {
  std::vector<uint8_t> all;
  for (const Array* array : arrays) {
    const std::vector<uint8_t> bytes = array->bytes();
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

}  // namespace pc::test
