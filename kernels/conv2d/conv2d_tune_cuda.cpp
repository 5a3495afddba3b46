// Runs every engine on tensors with guard bytes around them, checks its results and measures its time.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/conv2d/conv2d_sample.h"
#include "kernels/conv2d/conv2d_tune.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/event.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kSamples = 512;
constexpr unsigned char kGuardByte = 0xA5, kPoison = 0xFF;  // 0xFF… reads as NaN

// Device memory between two zones of guard bytes, which an engine must not write to.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t bytes)
      : bytes_(bytes), buffer_(Device::cuda, (bytes + 255) / 256 * 256 + 2 * kGuardBytes) {
    PC_CUDA_CHECK(cudaMemsetAsync(buffer_.data(), kGuardByte, buffer_.bytes(), stream()));
  }
  void* data() const { return buffer_.as<char>() + kGuardBytes; }
  std::size_t bytes() const { return bytes_; }
  void poison() const {
    if (bytes_ > 0) PC_CUDA_CHECK(cudaMemsetAsync(data(), kPoison, bytes_, stream()));
  }
  bool intact() const {
    return is_guard(0, kGuardBytes) && is_guard(kGuardBytes + bytes_, buffer_.bytes() - kGuardBytes - bytes_);
  }

 private:
  static constexpr std::size_t kGuardBytes = 1024;
  bool is_guard(std::size_t at, std::size_t bytes) const {
    std::vector<unsigned char> host(bytes);
    memory_cuda.copy_out(host.data(), buffer_.as<char>() + at, bytes);
    return std::all_of(host.begin(), host.end(), [](unsigned char b) { return b == kGuardByte; });
  }
  std::size_t bytes_;
  Buffer buffer_;
};

std::size_t l2_bytes() {
  int device = 0, bytes = 0;
  PC_CUDA_CHECK(cudaGetDevice(&device));
  PC_CUDA_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device));
  return std::size_t(bytes);
}

// More copies of the tensors, used in turn, so that a run finds no data of the previous run in the L2 cache, as in a
// training step, where other kernels run in between. Twice the cache in total; no copies if one set of tensors is as
// large.
class Copies {
 public:
  Copies(const std::vector<const GuardedBuffer*>& tensors, DType dtype) {
    for (const GuardedBuffer* tensor : tensors) {
      offsets_.push_back(set_);
      set_ += (tensor->bytes() + 255) / 256 * 256;
    }
    constexpr std::size_t kMost = 32;
    count_ = std::min(kMost, 2 * l2_bytes() / set_);
    buffer_ = Buffer(Device::cuda, count_ * set_);
    if (count_ > 0) conv2d_fill(int64_t(buffer_.bytes() / size_of(dtype)), dtype, 99, buffer_.data());
  }
  std::size_t count() const { return count_; }
  void* at(std::size_t copy, std::size_t tensor) const { return buffer_.as<char>() + copy * set_ + offsets_[tensor]; }

 private:
  std::vector<std::size_t> offsets_;
  std::size_t set_ = 0, count_ = 0;  // bytes of a set, number of sets
  Buffer buffer_;
};

class Trial {
 public:
  explicit Trial(const ConvKey& key)
      : key_(key),
        x_(bytes(int64_t(key.shape.n) * key.shape.h * key.shape.w * key.shape.c)),
        w_(bytes(int64_t(key.shape.k) * key.shape.r * key.shape.s * key.shape.group_c())),
        y_(bytes(y_size())),
        bias_(key.pass == ConvPass::infer ? bytes(key.shape.k) : 0),
        residual_(key.residual ? y_.bytes()
                  : key.add    ? x_.bytes()
                               : 0),
        affine_(normed_forward() ? bytes(key.shape.c * 2) : 0),
        norm_x_(normed_backward() ? x_.bytes() : 0),
        norm_(normed_backward() ? floats(4, key.shape.c) : 0),
        sums_(sums_y(key.pass)    ? floats(2, key.shape.k)
              : normed_backward() ? floats(5, key.shape.c)
                                  : 0) {
    uint32_t seed = 0;
    for (const GuardedBuffer* tensor : tensors())
      if (const int64_t n = int64_t(tensor->bytes() / size_of(key.dtype)))
        conv2d_fill(n, key.dtype, ++seed, tensor->data());
    if (normed_backward()) conv2d_fill(int64_t(norm_.bytes() / sizeof(float)), DType::f32, ++seed, norm_.data());
  }

  // Correct at every sampled position, and no byte written outside.
  bool passes(const CudnnPlan& plan) const {
    const GuardedBuffer workspace(plan.workspace());
    if (key_.add)
      memory_cuda.copy(x_.data(), residual_.data(), x_.bytes());
    else
      result().poison();
    sums_.poison();
    run(plan, own(), workspace);
    const float limit = key_.dtype == DType::f32 ? 1e-4f : key_.dtype == DType::f16 ? 4e-3f : 3e-2f;
    auto errors = conv2d_errors(key_, own(), kSamples);
    if (sums_.bytes() > 0)
      for (const float error : conv2d_sum_errors(key_, own())) errors.push_back(error);
    if (!std::all_of(errors.begin(), errors.end(), [&](float error) { return error <= limit; })) return false;
    const auto all = tensors();
    return workspace.intact() && sums_.intact() && norm_.intact() &&
           std::all_of(all.begin(), all.end(), [](const GuardedBuffer* t) { return t->intact(); });
  }

  // The median of a few slices: cached data makes a slice faster, other disturbances make it slower.
  float milliseconds(const CudnnPlan& plan) const {
    constexpr std::size_t kSlices = 5, kRuns = 4;
    const GuardedBuffer workspace(plan.workspace());
    const Copies copies(tensors(), key_.dtype);
    Event start(Device::cuda, true), end(Device::cuda, true);
    std::array<float, kSlices> slices;
    for (std::size_t i = 0; i < kSlices * kRuns; ++i) {
      const std::size_t copy = i % (copies.count() + 1);
      if (i % kRuns == 0) start.record();
      run(plan, copy == 0 ? own() : copy_of(copies, copy - 1), workspace);
      if (i % kRuns != kRuns - 1) continue;
      end.record();
      slices[i / kRuns] = end.milliseconds_since(start) / kRuns;
    }
    std::nth_element(slices.begin(), slices.begin() + kSlices / 2, slices.end());
    return slices[kSlices / 2];
  }

 private:
  std::size_t bytes(int64_t elements) const { return std::size_t(elements) * size_of(key_.dtype); }
  static std::size_t floats(int rows, int columns) { return std::size_t(rows) * std::size_t(columns) * sizeof(float); }
  bool normed_forward() const {  // in both passes that compute z from x
    return key_.pass == ConvPass::norm_forward || key_.pass == ConvPass::norm_backward_weight;
  }
  bool normed_backward() const { return key_.pass == ConvPass::norm_backward_data; }
  int64_t y_size() const { return int64_t(key_.shape.n) * key_.shape.p() * key_.shape.q() * key_.shape.k; }
  std::vector<const GuardedBuffer*> tensors() const { return {&x_, &w_, &y_, &bias_, &residual_, &affine_, &norm_x_}; }
  const GuardedBuffer& result() const { return writes_dx(key_.pass) ? x_ : writes_dw(key_.pass) ? w_ : y_; }
  ConvTensors own() const {
    return of({x_.data(), w_.data(), y_.data(), bias_.data(), residual_.data(), affine_.data(), norm_x_.data()});
  }
  ConvTensors copy_of(const Copies& copies, std::size_t copy) const {
    std::array<void*, 7> data;
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = copies.at(copy, i);
    return of(data);
  }
  // tensors() at these addresses; null for those that the pass does not have.
  ConvTensors of(const std::array<void*, 7>& data) const {
    const auto if_any = [](const GuardedBuffer& tensor, void* at) { return tensor.bytes() > 0 ? at : nullptr; };
    return {.x = data[0],
            .w = data[1],
            .y = data[2],
            .bias = if_any(bias_, data[3]),
            .residual = if_any(residual_, data[4]),
            .sums = static_cast<float*>(sums_.data()),
            .affine = if_any(affine_, data[5]),
            .norm_x = if_any(norm_x_, data[6]),
            .norm = static_cast<const float*>(if_any(norm_, norm_.data()))};
  }
  void run(const CudnnPlan& plan, const ConvTensors& t, const GuardedBuffer& workspace) const {
    const int c = key_.shape.c;
    std::vector<CudnnBinding> bindings{{kConvX, t.x}, {kConvW, t.w}, {kConvY, t.y}};
    const auto bind_rows = [&](std::initializer_list<int64_t> ids, const void* from, std::size_t row) {
      for (const int64_t id : ids) {
        bindings.push_back({id, from});
        from = static_cast<const char*>(from) + row;
      }
    };
    if (t.bias) bindings.push_back({kConvBias, t.bias});
    if (key_.residual) bindings.push_back({kConvResidual, t.residual});
    if (sums_y(key_.pass)) bind_rows({kConvSum, kConvSquares}, t.sums, floats(1, key_.shape.k));
    if (t.affine) bind_rows({kConvScale, kConvShift}, t.affine, bytes(c));
    if (t.norm) {
      bindings.push_back({kConvNormX, t.norm_x});
      bind_rows({kConvMean, kConvInvstd, kConvGamma, kConvBeta}, t.norm, floats(1, c));
      bind_rows({kConvDbeta, kConvDgamma, kConvA, kConvB, kConvC}, t.sums, floats(1, c));
    }
    plan.run(bindings, workspace.data());
  }

  ConvKey key_;
  GuardedBuffer x_, w_, y_, bias_, residual_, affine_, norm_x_, norm_, sums_;
};

}  // namespace

std::unique_ptr<CudnnPlan> conv2d_tuned_plan(const ConvKey& key, const CudnnGraph& graph, const CudnnPolicy& policy) {
  std::unique_ptr<CudnnPlan> best;
  float least = INFINITY;
  for (const CudnnCandidate& candidate : graph.candidates(policy)) {
    auto plan = graph.make(candidate, policy);
    if (!plan) continue;
    const Trial trial(key);  // a new one: the previous engine may have overwritten its tensors
    if (!trial.passes(*plan)) continue;
    const float ms = trial.milliseconds(*plan);
    if (ms < least) least = ms, best = std::move(plan);
  }
  return best;
}

}  // namespace pc
