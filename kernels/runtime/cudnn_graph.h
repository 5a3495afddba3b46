// The part of cuDNN's graph (backend) API that the kernels use: tensors, operations, the choice of an engine, its
// execution.
//
//   CudnnGraph graph;
//   graph.conv_forward({.stride = 1, .pad_before = {1, 1}, .pad_after = {1, 1}}, x, w, y);      // tensors are plain values; equal ids are one tensor
//   std::unique_ptr<CudnnPlan> plan = graph.plan({});          // null: this policy admits no engine for it
//   plan->run({{kX, x_pointer}, {kW, w_pointer}, {kY, y_pointer}});
//
// Engines are tried in the order of cuDNN's heuristics. Engines that do not give the same bits every time are never
// used.
#pragma once

#include <cudnn.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/runtime/dtype.h"

namespace pc {

// One backend descriptor and its attributes; errors are Error(usage) with cuDNN's text.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);
  CudnnDescriptor(CudnnDescriptor&& other) noexcept;
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept;
  ~CudnnDescriptor();

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, std::span<const int64_t> values);
  void set(cudnnBackendAttributeName_t name, int64_t value) { set(name, {&value, 1}); }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value);
  void set_float(cudnnBackendAttributeName_t name, float value) { set(name, CUDNN_TYPE_FLOAT, 1, &value); }
  void set_handle(cudnnBackendAttributeName_t name);  // of cudnn_handle()

  // All values, `limit` at most. Returns how many.
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t limit, void* values) const;
  int64_t get_int64(cudnnBackendAttributeName_t name) const;

  void finalize();
  bool try_finalize();  // false: cuDNN does not support it
  cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

// A tensor of a graph. The dimensions are n, c, h, w (filters: k, c, r, s) for every memory layout; the strides give
// the layout.
struct CudnnTensor {
  int64_t id;
  DType dtype;
  std::array<int64_t, 4> dims, strides;
  bool is_virtual = false;  // exists inside the graph only
};
CudnnTensor nhwc_tensor(int64_t id, DType dtype, std::array<int64_t, 4> nchw_dims);

struct CudnnConv {
  int64_t stride = 1;
  std::array<int64_t, 2> pad_before = {0, 0}, pad_after = {0, 0};  // of rows, of columns
};

// Batch norm's backward pass. Inputs: x and dy (feature maps), mean, invstd and scale (f32 [1, c, 1, 1]). Outputs, all
// f32 [1, c, 1, 1]: the gradients of scale and bias, and a, b, c of dx = a * dy + b * x + c.
struct CudnnNormGradients {
  CudnnTensor x, dy, mean, invstd, scale;
  CudnnTensor dscale, dbias, a, b, c;
};

// A GPU described in JSON, to make plans for it on a machine without one.
class CudnnDevice {
 public:
  explicit CudnnDevice(const std::string& json);
  const CudnnDescriptor& descriptor() const { return descriptor_; }

 private:
  CudnnDescriptor descriptor_;
};

struct CudnnPolicy {
  std::size_t workspace_limit = std::size_t(64) << 20;  // bytes
  bool full_f32 = false;                                // no TF32: products in f32
  bool runtime_engines = false;         // admit engines compiled when first planned, about a second each
  const CudnnDevice* device = nullptr;  // null: this machine's GPU
};

// An engine with its settings (knobs), as the heuristics propose it. tag: both as text, "62 24=1 25=3", the same in
// every process that runs this cuDNN version.
struct CudnnCandidate {
  CudnnDescriptor config;
  int64_t engine;
  std::string tag;
  bool runtime_compiled;
};

// The address on the GPU of the tensor with this id.
struct CudnnBinding {
  int64_t id;
  const void* data;
};

class CudnnPlan {
 public:
  CudnnPlan(CudnnDescriptor plan, int64_t engine, std::string tag);
  // Runs on stream(), with workspace from the allocator, or with the caller's workspace() bytes.
  void run(std::span<const CudnnBinding> bindings) const;
  void run(std::initializer_list<CudnnBinding> bindings) const { run(std::span(bindings.begin(), bindings.size())); }
  void run(std::span<const CudnnBinding> bindings, void* workspace) const;
  std::size_t workspace() const { return workspace_; }
  int64_t engine() const { return engine_; }
  const std::string& tag() const { return tag_; }

 private:
  CudnnDescriptor plan_;
  int64_t engine_;
  std::string tag_;
  std::size_t workspace_;
};

class CudnnGraph {
 public:
  void conv_forward(const CudnnConv& conv, const CudnnTensor& x, const CudnnTensor& w, const CudnnTensor& y);
  // add: dx += the gradient, else dx = the gradient.
  void conv_backward_data(const CudnnConv& conv, const CudnnTensor& dy, const CudnnTensor& w, bool add,
                          const CudnnTensor& dx);
  void conv_backward_filter(const CudnnConv& conv, const CudnnTensor& x, const CudnnTensor& dy, const CudnnTensor& dw);
  void add(const CudnnTensor& a, const CudnnTensor& b,
           const CudnnTensor& y);  // b is broadcast where its dimension is 1
  void subtract(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y);  // b is broadcast, here and below
  void multiply(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y);
  void relu(const CudnnTensor& x, const CudnnTensor& y);
  // dx = dy where x > 0, else 0.
  void relu_backward(const CudnnTensor& dy, const CudnnTensor& x, const CudnnTensor& dx);
  // The sums per channel of x and of x * x: f32 [1, c, 1, 1] each.
  void sums(const CudnnTensor& x, const CudnnTensor& sum, const CudnnTensor& squares);
  void norm_gradients(const CudnnNormGradients& tensors);

  // Every engine that the policy admits, cuDNN's first proposal first.
  std::vector<CudnnCandidate> candidates(const CudnnPolicy& policy) const;
  // Null: cuDNN cannot build the plan, or it needs more workspace than the policy allows.
  std::unique_ptr<CudnnPlan> make(const CudnnCandidate& candidate, const CudnnPolicy& policy) const;
  // The first candidate that make() accepts; with a tag, the candidate with this tag.
  std::unique_ptr<CudnnPlan> plan(const CudnnPolicy& policy, const std::string& tag = "") const;

 private:
  const CudnnDescriptor& descriptor_of(const CudnnTensor& tensor);
  CudnnDescriptor pointwise(cudnnPointwiseMode_t mode, const CudnnTensor& x);
  void binary(cudnnPointwiseMode_t mode, const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y,
              float b_factor = 1);
  void push(CudnnDescriptor operation);

  struct Entry {
    int64_t id;
    CudnnDescriptor descriptor;
  };
  std::vector<std::unique_ptr<Entry>> tensors_;
  std::vector<CudnnDescriptor> helpers_;  // convolutions and pointwise modes, which the operations refer to
  std::vector<CudnnDescriptor> operations_;
};

}  // namespace pc
