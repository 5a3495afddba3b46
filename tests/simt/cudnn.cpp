// cuDNN's graphs as plain loops: the convolutions' real graphs (strided views, epilogues) run on the stand-in GPU.
#include <cudnn.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

#include "elements.h"
#include "engines.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/cudnn_graph.h"
#include "streams.h"
#include "tests/simt/capture.h"

namespace pc {
namespace simt {

double engine_clock = 0;
bool all_engines_fail = false;

const std::vector<Engine>& engines() {
  using Bytes = unsigned char*;
  const auto nothing = [](void*, std::size_t, DType, void*) {};
  static const std::vector<Engine> all{
      {"first", 5, 0, nothing},
      {"wrong 1=2", 1, 0,
       [](void* y, std::size_t n, DType dtype, void*) {
         for (std::size_t i = 0; i < n; i += 2)
           write_element(y, int64_t(i), dtype, read_element(y, int64_t(i), dtype) + 0.5f);
       }},
      {"behind", 1, 0,
       [](void* y, std::size_t n, DType dtype, void*) { static_cast<Bytes>(y)[n * size_of(dtype)] = 0; }},
      {"best 3=4", 2, 64, nothing},
      {"before", 1, 0, [](void* y, std::size_t, DType, void*) { static_cast<Bytes>(y)[-1] = 0; }},
      {"spills", 1, 64, [](void*, std::size_t, DType, void* workspace) { static_cast<Bytes>(workspace)[64] = 0; }},
      {"hungry", 1, std::size_t(1) << 40, nothing},
      {"warm", 1, 0, nothing, 9}};
  return all;
}

}  // namespace simt

namespace {

// The elements of a tensor in f32, packed in the order of its dimensions.
struct Dense {
  CudnnTensor tensor;
  std::vector<float> values;

  explicit Dense(const CudnnTensor& t) : tensor(t) {
    values.resize(std::size_t(t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]));
  }
  float& at(int64_t a, int64_t b, int64_t c, int64_t d) {
    const auto& n = tensor.dims;
    return values[std::size_t(((a * n[1] + b) * n[2] + c) * n[3] + d)];
  }
  // Calls f(a, b, c, d, position in memory) for every element.
  template <class F>
  void each(F&& f) const {
    const auto &n = tensor.dims, &step = tensor.strides;
    for (int64_t a = 0; a < n[0]; ++a)
      for (int64_t b = 0; b < n[1]; ++b)
        for (int64_t c = 0; c < n[2]; ++c)
          for (int64_t d = 0; d < n[3]; ++d) f(a, b, c, d, a * step[0] + b * step[1] + c * step[2] + d * step[3]);
  }
};

// An operation reads all of its tensors but the last, and writes that one; where it adds it reads that one too.
struct Operation {
  std::vector<CudnnTensor> tensors;
  std::function<void(std::vector<Dense*>&)> run;
  bool adds = false;
};
using Operations = std::vector<Operation>;  // what a descriptor stands for here

Operations& operations_of(const CudnnDescriptor& d) { return *static_cast<Operations*>(d.raw()); }

CudnnDescriptor describe(Operation operation) {
  CudnnDescriptor d(CUDNN_BACKEND_OPERATION);
  operations_of(d).push_back(std::move(operation));
  return d;
}

// Calls f(x, w, y) with the three elements of every product of a convolution.
template <class F>
void each_product(const CudnnConv& conv, Dense& x, Dense& w, Dense& y, F&& f) {
  const int64_t height = x.tensor.dims[2], width = x.tensor.dims[3];
  const auto [top, left] = conv.pad_before;
  const int64_t groups = x.tensor.dims[1] / w.tensor.dims[1];
  w.each([&](int64_t k, int64_t c, int64_t r, int64_t s, int64_t) {
    float& filter = w.at(k, c, r, s);
    const int64_t in_channel = k / (w.tensor.dims[0] / groups) * w.tensor.dims[1] + c;
    // The first and the last position of a line of y whose element of x lies in the image.
    const int64_t first = std::max<int64_t>(0, (left - s + conv.stride - 1) / conv.stride);
    const int64_t last = std::min(y.tensor.dims[3] - 1, (width - 1 + left - s) / conv.stride);
    for (int64_t n = 0; n < y.tensor.dims[0]; ++n)
      for (int64_t p = 0; p < y.tensor.dims[2]; ++p) {
        const int64_t h = p * conv.stride + r - top;
        if (h < 0 || h >= height || width - 1 + left < s || first > last) continue;
        float* const in = &x.at(n, in_channel, h, first * conv.stride + s - left);
        float* const out = &y.at(n, k, p, first);
        for (int64_t q = 0; q <= last - first; ++q) f(in[q * conv.stride], filter, out[q]);
      }
  });
}

void read(Dense& t, const void* data) {
  t.each([&](int64_t a, int64_t b, int64_t c, int64_t d, int64_t position) {
    t.at(a, b, c, d) = simt::read_element(data, position, t.tensor.dtype);
  });
}

// Rounds a tensor inside a graph to its type.
void round(Dense& t) {
  if (t.tensor.dtype == DType::f16)
    for (float& v : t.values) v = __half2float(__float2half_rn(v));
}

void write(Dense& t, void* data) {
  t.each([&](int64_t a, int64_t b, int64_t c, int64_t d, int64_t position) {
    simt::write_element(data, position, t.tensor.dtype, t.at(a, b, c, d));
  });
}

}  // namespace

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t) : raw_(new Operations) {}
CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept { std::swap(raw_, other.raw_); }
CudnnDescriptor& CudnnDescriptor::operator=(CudnnDescriptor&& other) noexcept {
  std::swap(raw_, other.raw_);
  return *this;
}
CudnnDescriptor::~CudnnDescriptor() { delete static_cast<Operations*>(raw_); }

CudnnTensor nhwc_tensor(int64_t id, DType dtype, std::array<int64_t, 4> d) {
  return {.id = id, .dtype = dtype, .dims = d, .strides = {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]}};
}

void CudnnGraph::conv_forward(const CudnnConv& conv, const CudnnTensor& x, const CudnnTensor& w, const CudnnTensor& y) {
  operations_.push_back(describe({{x, w, y}, [conv](std::vector<Dense*>& t) {
                                    each_product(conv, *t[0], *t[1], *t[2],
                                                 [](float in, float filter, float& out) { out += in * filter; });
                                  }}));
}

void CudnnGraph::conv_backward_data(const CudnnConv& conv, const CudnnTensor& dy, const CudnnTensor& w, bool add,
                                    const CudnnTensor& dx) {
  operations_.push_back(describe({{dy, w, dx},
                                  [conv](std::vector<Dense*>& t) {
                                    each_product(conv, *t[2], *t[1], *t[0],
                                                 [](float& in, float filter, float out) { in += out * filter; });
                                  },
                                  add}));
}

void CudnnGraph::conv_backward_filter(const CudnnConv& conv, const CudnnTensor& x, const CudnnTensor& dy,
                                      const CudnnTensor& dw) {
  operations_.push_back(describe({{x, dy, dw}, [conv](std::vector<Dense*>& t) {
                                    each_product(conv, *t[0], *t[2], *t[1],
                                                 [](float in, float& filter, float out) { filter += in * out; });
                                  }}));
}

namespace {

// y = f(a, b), b broadcast where its dimension is 1.
template <class F>
CudnnDescriptor elementwise(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y, F f) {
  return describe({{a, b, y}, [f](std::vector<Dense*>& t) {
                     const auto& n = t[1]->tensor.dims;
                     t[2]->each([&](int64_t i, int64_t j, int64_t k, int64_t l, int64_t) {
                       t[2]->at(i, j, k, l) = f(t[0]->at(i, j, k, l), t[1]->at(i % n[0], j % n[1], k % n[2], l % n[3]));
                     });
                   }});
}

}  // namespace

void CudnnGraph::add(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  operations_.push_back(elementwise(a, b, y, [](float v, float w) { return v + w; }));
}
void CudnnGraph::subtract(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  operations_.push_back(elementwise(a, b, y, [](float v, float w) { return v - w; }));
}
void CudnnGraph::multiply(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  operations_.push_back(elementwise(a, b, y, [](float v, float w) { return v * w; }));
}
void CudnnGraph::relu_backward(const CudnnTensor& dy, const CudnnTensor& x, const CudnnTensor& dx) {
  operations_.push_back(elementwise(dy, x, dx, [](float v, float w) { return w > 0 ? v : 0; }));
}

void CudnnGraph::relu(const CudnnTensor& x, const CudnnTensor& y) {
  operations_.push_back(describe({{x, y}, [](std::vector<Dense*>& t) {
                                    for (std::size_t i = 0; i < t[1]->values.size(); ++i) {
                                      const float v = t[0]->values[i];
                                      t[1]->values[i] = v < 0 ? 0 : v;
                                    }
                                  }}));
}

// Sums of the convolution's result before rounding; cuDNN does not document which value it uses.
void CudnnGraph::sums(const CudnnTensor& x, const CudnnTensor& sum, const CudnnTensor& squares) {
  for (const bool squared : {false, true})
    operations_.push_back(describe({{x, squared ? squares : sum}, [squared](std::vector<Dense*>& t) {
                                      std::vector<double> all(t[1]->values.size());
                                      t[0]->each([&](int64_t n, int64_t c, int64_t h, int64_t w, int64_t) {
                                        const double v = double(t[0]->at(n, c, h, w));
                                        all[std::size_t(c)] += squared ? v * v : v;
                                      });
                                      t[1]->values.assign(all.begin(), all.end());
                                    }}));
}

// The sums are of g as it was before it was rounded, if an operation of this graph made it; they are kept in f64.
void CudnnGraph::norm_gradients(const CudnnNormGradients& n) {
  enum { dscale, dbias, a, b, c };
  const CudnnTensor outputs[] = {n.dscale, n.dbias, n.a, n.b, n.c};
  for (const int output : {dscale, dbias, a, b, c})
    operations_.push_back(
        describe({{n.x, n.dy, n.mean, n.invstd, n.scale, outputs[output]}, [output](std::vector<Dense*>& t) {
                    const std::size_t channels = t[5]->values.size();
                    const double m = double(t[0]->values.size() / channels);
                    std::vector<double> sum(channels), product(channels);
                    t[0]->each([&](int64_t i, int64_t j, int64_t k, int64_t l, int64_t) {
                      const auto at = std::size_t(j);
                      const double g = double(t[1]->at(i, j, k, l)), x = double(t[0]->at(i, j, k, l));
                      sum[at] += g;
                      product[at] += g * (x - double(t[2]->values[at])) * double(t[3]->values[at]);
                    });
                    for (std::size_t i = 0; i < channels; ++i) {
                      const double mean = double(t[2]->values[i]), invstd = double(t[3]->values[i]);
                      const double slope = double(t[4]->values[i]) * invstd, on_x = -slope * invstd * product[i] / m;
                      t[5]->values[i] = float(output == dscale  ? product[i]
                                              : output == dbias ? sum[i]
                                              : output == a     ? slope
                                              : output == b     ? on_x
                                                                : -slope * sum[i] / m - on_x * mean);
                    }
                  }}));
}

// The first is used by plans without a choice. The faster ones are all faulty, except the fourth; the last is fast only
// on tensors that are still in the cache.
std::vector<CudnnCandidate> CudnnGraph::candidates(const CudnnPolicy&) const {
  std::vector<CudnnCandidate> all;
  for (const simt::Engine& engine : simt::engines())
    all.push_back({.config = CudnnDescriptor(CUDNN_BACKEND_OPERATION),
                   .engine = int64_t(all.size()),
                   .tag = engine.tag,
                   .runtime_compiled = false});
  return all;
}

std::unique_ptr<CudnnPlan> CudnnGraph::make(const CudnnCandidate& candidate, const CudnnPolicy& policy) const {
  CudnnDescriptor all(CUDNN_BACKEND_OPERATION);
  for (const CudnnDescriptor& one : operations_) operations_of(all).push_back(operations_of(one)[0]);
  auto plan = std::make_unique<CudnnPlan>(std::move(all), candidate.engine, candidate.tag);
  return plan->workspace() <= policy.workspace_limit ? std::move(plan) : nullptr;
}

std::unique_ptr<CudnnPlan> CudnnGraph::plan(const CudnnPolicy& policy, const std::string& tag) const {
  for (const CudnnCandidate& candidate : candidates(policy))
    if (tag.empty() || candidate.tag == tag) return make(candidate, policy);
  return nullptr;
}

CudnnPlan::CudnnPlan(CudnnDescriptor plan, int64_t engine, std::string tag)
    : plan_(std::move(plan)),
      engine_(engine),
      tag_(std::move(tag)),
      workspace_(simt::engines()[std::size_t(engine)].workspace) {}

void CudnnPlan::run(std::span<const CudnnBinding> bindings) const { run(bindings, nullptr); }

void CudnnPlan::run(std::span<const CudnnBinding> bindings, void* workspace) const {
  const auto data_of = [kept = std::vector<CudnnBinding>(bindings.begin(), bindings.end())](int64_t id) {
    for (const CudnnBinding& b : kept)
      if (b.id == id) return const_cast<void*>(b.data);
    throw std::runtime_error("cuDNN: no pointer for tensor " + std::to_string(id));
  };
  simt::note_work(stream());
  simt::submit([=, this, x = bindings[0].data] {
    const simt::DeviceAccess access;
    std::map<int64_t, Dense> dense;
    for (const Operation& operation : operations_of(plan_)) {
      std::vector<Dense*> tensors;
      for (const CudnnTensor& t : operation.tensors) {
        const auto [at, fresh] = dense.try_emplace(t.id, t);
        tensors.push_back(&at->second);
        const bool reads = operation.adds || &t != &operation.tensors.back();
        if (fresh && !t.is_virtual && reads) read(at->second, data_of(t.id));
      }
      operation.run(tensors);
      if (tensors.back()->tensor.is_virtual) {
        round(*tensors.back());
        continue;
      }
      write(*tensors.back(), data_of(tensors.back()->tensor.id));
      if (simt::all_engines_fail)
        simt::write_element(data_of(tensors.back()->tensor.id), 0, tensors.back()->tensor.dtype, NAN);
      simt::engines()[std::size_t(engine_)].spoil(data_of(tensors.back()->tensor.id), tensors.back()->values.size(),
                                                  tensors.back()->tensor.dtype, workspace);
    }
    static const void* before = nullptr;
    const simt::Engine& engine = simt::engines()[std::size_t(engine_)];
    const bool cold = x != std::exchange(before, x);
    simt::engine_clock += cold && engine.cold > 0 ? engine.cold : engine.milliseconds;
  });
}

}  // namespace pc
