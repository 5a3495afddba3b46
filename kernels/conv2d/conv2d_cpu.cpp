// conv2d on the CPU: picks the way for each shape and type and fills the table.
#include "kernels/conv2d/conv2d_cpu.h"

#include <cstring>
#include <map>
#include <mutex>

#include "kernels/runtime/error.h"
#include "kernels/runtime/parallel.h"

namespace pc {
namespace conv2d {

std::string describe(const Conv2dShape& s, DType dtype) {
  const auto str = [](int v) { return std::to_string(v); };
  return "conv2d n=" + str(s.n) + " " + str(s.h) + "x" + str(s.w) + "x" + str(s.c) + " k=" + str(s.k) + " " + str(s.r) +
         "x" + str(s.s) + " stride " + str(s.stride) + " pad " + str(s.pad) + " " + name_of(dtype);
}

namespace {

// False for an empty batch: nothing to do.
bool check(const Conv2dShape& s, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) fail_shape(describe(s, dtype) + ": the CPU has f32 and bf16 only");
  if (s.n < 0 || s.h < 1 || s.w < 1 || s.c < 1 || s.k < 1 || s.r < 1 || s.s < 1 || s.stride < 1 || s.pad < 0 ||
      s.h + 2 * s.pad < s.r || s.w + 2 * s.pad < s.s)
    fail_shape(describe(s, dtype) + ": sizes do not make a convolution");
  return s.n > 0;
}

Buffer widened(const void* src, int64_t count) {
  Buffer wide(Device::cpu, std::size_t(count) * sizeof(float));
  parallel_for(count, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) wide.as<float>()[i] = float(static_cast<const bf16*>(src)[i]);
  });
  return wide;
}

void forward(const Conv2dShape& s, DType dtype, const void* x, const void* w, void* y) {
  if (!check(s, dtype)) return;
  execute(plan_for({.shape = s, .dtype = dtype, .threads = thread_count()}), x, w, false, nullptr, y);
}

void backward_data(const Conv2dShape& s, DType dtype, const void* dy, const void* w, void* dx) {
  if (!check(s, dtype)) return;
  execute(plan_for({.shape = s, .dtype = dtype, .direction = Direction::backward_data, .threads = thread_count()}), dy,
          w, false, nullptr, dx);
}

void backward_weight(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  if (!check(s, dtype)) return void(std::fill_n(dw, std::size_t(s.k) * s.r * s.s * s.c, 0.0f));
  if (dtype == DType::f32) return weight_gradient(s, static_cast<const float*>(x), static_cast<const float*>(dy), dw);
  const Buffer wide_x = widened(x, int64_t(s.n) * s.h * s.w * s.c),
               wide_dy = widened(dy, int64_t(s.n) * s.p() * s.q() * s.k);
  weight_gradient(s, wide_x.as<float>(), wide_dy.as<float>(), dw);
}

class CpuFilter : public PackedFilter {
 public:
  CpuFilter(const Conv2dShape& s, DType t, const float* w, const float* b) : shape_(s), dtype_(t), w_(w), bias_(b) {}

  void infer(const Conv2dShape& s, const void* x, const void* residual, bool relu, void* y) {
    if (!check(s, dtype_)) return;
    const Plan& plan = plan_for({.shape = s,
                                 .dtype = dtype_,
                                 .bias = bias_ != nullptr,
                                 .residual = residual != nullptr,
                                 .relu = relu,
                                 .threads = thread_count()});
    if (residual && residual != y) std::memcpy(y, residual, std::size_t(s.n) * s.p() * s.q() * s.k * size_of(dtype_));
    execute(plan, x, packed(plan), true, bias_, y);
  }

 private:
  const void* packed(const Plan& plan) {
    std::lock_guard lock(mutex_);
    auto [it, fresh] = packed_.try_emplace(weight_layout(plan));
    if (fresh) it->second = pack_weights(plan, w_);
    return it->second.data();
  }

  Conv2dShape shape_;
  DType dtype_;
  const float *w_, *bias_;
  std::mutex mutex_;
  std::map<std::string, Buffer> packed_;  // by layout
};

std::unique_ptr<PackedFilter> pack(const Conv2dShape& s, DType dtype, const float* w, const float* bias) {
  check(s, dtype);
  return std::make_unique<CpuFilter>(s, dtype, w, bias);
}

void infer(const Conv2dShape& s, PackedFilter& filter, const void* x, const void* residual, bool relu, void* y) {
  static_cast<CpuFilter&>(filter).infer(s, x, residual, relu, y);
}

}  // namespace
}  // namespace conv2d

const Conv2dKernels conv2d_cpu{.forward = conv2d::forward,
                               .backward_data = conv2d::backward_data,
                               .backward_weight = conv2d::backward_weight,
                               .pack = conv2d::pack,
                               .infer = conv2d::infer};

}  // namespace pc
