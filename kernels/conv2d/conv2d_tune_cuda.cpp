// Runs every engine on tensors with red zones, checks what it wrote and takes its time.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/conv2d/conv2d_sample.h"
#include "kernels/conv2d/conv2d_tune.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kSamples = 512;
constexpr unsigned char kRed = 0xA5, kPoison = 0xFF;  // 0xFF… is NaN

// Device memory between two zones that nobody may write to.
class Zoned {
 public:
  explicit Zoned(std::size_t bytes) : bytes_(bytes), room_(Device::cuda, (bytes + 255) / 256 * 256 + 2 * kZone) {
    PC_CHECK(cudaMemsetAsync(room_.data(), kRed, room_.bytes(), stream()));
  }
  void* data() const { return room_.as<char>() + kZone; }
  std::size_t bytes() const { return bytes_; }
  void poison() const {
    if (bytes_ > 0) PC_CHECK(cudaMemsetAsync(data(), kPoison, bytes_, stream()));
  }
  bool intact() const { return red(0, kZone) && red(kZone + bytes_, room_.bytes() - kZone - bytes_); }

 private:
  static constexpr std::size_t kZone = 1024;
  bool red(std::size_t at, std::size_t bytes) const {
    std::vector<unsigned char> host(bytes);
    memory_cuda.copy_out(host.data(), room_.as<char>() + at, bytes);
    return std::all_of(host.begin(), host.end(), [](unsigned char b) { return b == kRed; });
  }
  std::size_t bytes_;
  Buffer room_;
};

class Event {
 public:
  Event() { PC_CHECK(cudaEventCreate(&raw_)); }
  ~Event() { cudaEventDestroy(raw_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record() { PC_CHECK(cudaEventRecord(raw_, stream())); }
  float milliseconds_since(const Event& start) const {
    float ms = 0;
    PC_CHECK(cudaEventSynchronize(raw_));
    PC_CHECK(cudaEventElapsedTime(&ms, start.raw_, raw_));
    return ms;
  }

 private:
  cudaEvent_t raw_ = nullptr;
};

std::size_t l2_bytes() {
  int device = 0, bytes = 0;
  PC_CHECK(cudaGetDevice(&device));
  PC_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device));
  return std::size_t(bytes);
}

// More copies of some tensors: with them in turn a run finds nothing of the one before in the L2 cache, as in a
// training step, where other kernels run in between. Twice the cache in all; none where one set of tensors is as large.
class Copies {
 public:
  Copies(const std::vector<const Zoned*>& tensors, DType dtype) {
    for (const Zoned* tensor : tensors) {
      offsets_.push_back(set_);
      set_ += (tensor->bytes() + 255) / 256 * 256;
    }
    constexpr std::size_t kMost = 32;
    count_ = std::min(kMost, 2 * l2_bytes() / set_);
    room_ = Buffer(Device::cuda, count_ * set_);
    if (count_ > 0) conv2d_fill(int64_t(room_.bytes() / size_of(dtype)), dtype, 99, room_.data());
  }
  std::size_t count() const { return count_; }
  void* at(std::size_t copy, std::size_t tensor) const { return room_.as<char>() + copy * set_ + offsets_[tensor]; }

 private:
  std::vector<std::size_t> offsets_;
  std::size_t set_ = 0, count_ = 0;  // bytes of a set, number of sets
  Buffer room_;
};

class Trial {
 public:
  explicit Trial(const ConvKey& key)
      : key_(key),
        x_(bytes(int64_t(key.shape.n) * key.shape.h * key.shape.w * key.shape.c)),
        w_(bytes(int64_t(key.shape.k) * key.shape.r * key.shape.s * key.shape.c)),
        y_(bytes(y_size())),
        bias_(key.pass == ConvPass::infer ? bytes(key.shape.k) : 0),
        residual_(key.residual ? y_.bytes()
                  : key.add    ? x_.bytes()
                               : 0),
        sums_(key.pass == ConvPass::forward_sums ? std::size_t(key.shape.k) * 2 * sizeof(float) : 0) {
    uint32_t seed = 0;
    for (const Zoned* tensor : tensors())
      if (const int64_t n = int64_t(tensor->bytes() / size_of(key.dtype)))
        conv2d_fill(n, key.dtype, ++seed, tensor->data());
  }

  // Right values everywhere that was looked, and no byte outside.
  bool stands(const CudnnPlan& plan) const {
    const Zoned workspace(plan.workspace());
    if (key_.add)
      memory_cuda.copy(x_.data(), residual_.data(), x_.bytes());
    else
      result().poison();
    sums_.poison();
    run(plan, own(), workspace);
    const float limit = key_.dtype == DType::f32 ? 1e-4f : key_.dtype == DType::f16 ? 4e-3f : 3e-2f;
    auto errors = conv2d_errors(key_, own(), kSamples);
    if (key_.pass == ConvPass::forward_sums)
      for (const float error : conv2d_sum_errors(key_, own())) errors.push_back(error);
    if (!std::all_of(errors.begin(), errors.end(), [&](float error) { return error <= limit; })) return false;
    const auto all = tensors();
    return workspace.intact() && sums_.intact() &&
           std::all_of(all.begin(), all.end(), [](const Zoned* t) { return t->intact(); });
  }

  // The median of a few slices: what an old copy leaves in the cache makes a slice faster, other things make it slower.
  float milliseconds(const CudnnPlan& plan) const {
    constexpr std::size_t kSlices = 5, kRuns = 4;
    const Zoned workspace(plan.workspace());
    const Copies copies(tensors(), key_.dtype);
    Event start, end;
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
  int64_t y_size() const { return int64_t(key_.shape.n) * key_.shape.p() * key_.shape.q() * key_.shape.k; }
  std::vector<const Zoned*> tensors() const { return {&x_, &w_, &y_, &bias_, &residual_}; }
  const Zoned& result() const {
    return key_.pass == ConvPass::backward_data ? x_ : key_.pass == ConvPass::backward_weight ? w_ : y_;
  }
  ConvTensors own() const {
    return {.x = x_.data(),
            .w = w_.data(),
            .y = y_.data(),
            .bias = bias_.bytes() > 0 ? bias_.data() : nullptr,
            .residual = residual_.bytes() > 0 ? residual_.data() : nullptr,
            .sums = static_cast<float*>(sums_.data())};
  }
  ConvTensors copy_of(const Copies& copies, std::size_t copy) const {
    return {.x = copies.at(copy, 0),
            .w = copies.at(copy, 1),
            .y = copies.at(copy, 2),
            .bias = copies.at(copy, 3),
            .residual = copies.at(copy, 4),
            .sums = static_cast<float*>(sums_.data())};
  }
  void run(const CudnnPlan& plan, const ConvTensors& t, const Zoned& workspace) const {
    std::vector<CudnnBinding> bindings{{kConvX, t.x}, {kConvW, t.w}, {kConvY, t.y}};
    if (key_.pass == ConvPass::infer) bindings.push_back({kConvBias, t.bias});
    if (key_.residual) bindings.push_back({kConvResidual, t.residual});
    if (key_.pass == ConvPass::forward_sums)
      bindings.insert(bindings.end(), {{kConvSum, t.sums}, {kConvSquares, t.sums + key_.shape.k}});
    plan.run(bindings, workspace.data());
  }

  ConvKey key_;
  Zoned x_, w_, y_, bias_, residual_, sums_;
};

}  // namespace

std::unique_ptr<CudnnPlan> conv2d_tuned_plan(const ConvKey& key, const CudnnGraph& graph, const CudnnPolicy& policy) {
  std::unique_ptr<CudnnPlan> best;
  float least = INFINITY;
  for (const CudnnCandidate& candidate : graph.candidates(policy)) {
    auto plan = graph.make(candidate, policy);
    if (!plan) continue;
    const Trial trial(key);  // a fresh one: the engine before may have spoilt its tensors
    if (!trial.stands(*plan)) continue;
    const float ms = trial.milliseconds(*plan);
    if (ms < least) least = ms, best = std::move(plan);
  }
  return best;
}

}  // namespace pc
