// The graph API's descriptors, the choice among the engines, and the execution of a plan.
#include <algorithm>
#include <map>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/cudnn_graph.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

cudnnDataType_t cudnn_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return CUDNN_DATA_FLOAT;
    case DType::bf16:
      return CUDNN_DATA_BFLOAT16;
    case DType::f16:
      return CUDNN_DATA_HALF;
    default:
      fail_shape(std::string("cuDNN graph: no tensor of ") + name_of(dtype));
  }
}

// Sums are f32 everywhere.
constexpr cudnnDataType_t kMath = CUDNN_DATA_FLOAT;

CudnnDescriptor make_conv(const CudnnConv& conv) {
  CudnnDescriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::array<int64_t, 2> strides{conv.stride, conv.stride}, dilations{1, 1};
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &kMath);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, strides);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, conv.pad_before);
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, conv.pad_after);
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, dilations);
  d.finalize();
  return d;
}

template <class Note>
bool has_note(const CudnnDescriptor& engine, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
              Note note) {
  std::array<Note, 16> notes{};
  const int64_t count = engine.get(name, type, int64_t(notes.size()), notes.data());
  return std::find(notes.begin(), notes.begin() + count, note) != notes.begin() + count;
}

bool has_note(const CudnnDescriptor& engine, cudnnBackendNumericalNote_t note) {
  return has_note(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, note);
}

bool admits(const CudnnPolicy& policy, const CudnnDescriptor& engine) {
  if (has_note(engine, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return false;
  if (has_note(engine, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return false;
  if (!policy.full_f32) return true;
  return !has_note(engine, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) &&
         !has_note(engine, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS);
}

// The engine's number and its knobs in the order of their numbers.
std::string tag_of(const CudnnDescriptor& config, int64_t engine) {
  constexpr int64_t kMost = 64;  // with room for none, cuDNN does not report how many there are
  std::vector<CudnnDescriptor> choices;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < kMost; ++i) raw.push_back(choices.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR).raw());
  const int64_t count = config.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, kMost, raw.data());
  choices.erase(choices.begin() + count, choices.end());
  std::map<int, int64_t> knobs;
  for (const CudnnDescriptor& choice : choices) {
    cudnnBackendKnobType_t type{};
    choice.get(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type);
    knobs[int(type)] = choice.get_int64(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE);
  }
  std::string tag = std::to_string(engine);
  for (const auto& [type, value] : knobs) tag += " " + std::to_string(type) + "=" + std::to_string(value);
  return tag;
}

// The configurations that one mode of the heuristics proposes.
std::vector<CudnnDescriptor> propose(const CudnnDescriptor& graph, const CudnnPolicy& policy,
                                     cudnnBackendHeurMode_t mode) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (policy.device) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, policy.device->descriptor());
  std::vector<CudnnDescriptor> configs;
  if (!heuristics.try_finalize()) return configs;
  const int64_t count = heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i) raw.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  if (count == 0) return configs;
  // The first count is an upper bound; this one is how many descriptors cuDNN filled.
  const int64_t filled =
      heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, raw.data());
  configs.erase(configs.begin() + filled, configs.end());
  return configs;
}

}  // namespace

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
  PC_CUDA_CHECK(cudnnBackendCreateDescriptor(type, &raw_));
}

CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}

CudnnDescriptor& CudnnDescriptor::operator=(CudnnDescriptor&& other) noexcept {
  std::swap(raw_, other.raw_);
  return *this;
}

CudnnDescriptor::~CudnnDescriptor() {
  if (raw_) cudnnBackendDestroyDescriptor(raw_);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                          const void* values) {
  PC_CUDA_CHECK(cudnnBackendSetAttribute(raw_, name, type, count, values));
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, std::span<const int64_t> values) {
  set(name, CUDNN_TYPE_INT64, int64_t(values.size()), values.data());
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
}

void CudnnDescriptor::set_handle(cudnnBackendAttributeName_t name) {
  const cudnnHandle_t handle = cudnn_handle();
  set(name, CUDNN_TYPE_HANDLE, 1, &handle);
}

int64_t CudnnDescriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t limit,
                             void* values) const {
  int64_t count = 0;
  PC_CUDA_CHECK(cudnnBackendGetAttribute(raw_, name, type, limit, &count, values));
  return limit > 0 ? std::min(count, limit) : count;
}

int64_t CudnnDescriptor::get_int64(cudnnBackendAttributeName_t name) const {
  int64_t value = 0;
  get(name, CUDNN_TYPE_INT64, 1, &value);
  return value;
}

void CudnnDescriptor::finalize() { PC_CUDA_CHECK(cudnnBackendFinalize(raw_)); }
bool CudnnDescriptor::try_finalize() { return cudnnBackendFinalize(raw_) == CUDNN_STATUS_SUCCESS; }

CudnnTensor nhwc_tensor(int64_t id, DType dtype, std::array<int64_t, 4> d) {
  return {.id = id, .dtype = dtype, .dims = d, .strides = {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]}};
}

CudnnDevice::CudnnDevice(const std::string& json) : descriptor_(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR) {
  descriptor_.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
  descriptor_.finalize();
}

CudnnPlan::CudnnPlan(CudnnDescriptor plan, int64_t engine, std::string tag)
    : plan_(std::move(plan)),
      engine_(engine),
      tag_(std::move(tag)),
      workspace_(std::size_t(plan_.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE))) {}

void CudnnPlan::run(std::span<const CudnnBinding> bindings) const {
  const Buffer workspace(Device::cuda, workspace_);
  run(bindings, workspace.data());
}

void CudnnPlan::run(std::span<const CudnnBinding> bindings, void* workspace) const {
  std::vector<int64_t> ids;
  std::vector<const void*> pointers;
  for (const CudnnBinding& b : bindings) {
    ids.push_back(b.id);
    pointers.push_back(b.data);
  }
  const void* scratch = workspace;
  CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, int64_t(pointers.size()), pointers.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &scratch);
  pack.finalize();
  PC_CUDA_CHECK(cudnnBackendExecute(cudnn_handle(), plan_.raw(), pack.raw()));
}

const CudnnDescriptor& CudnnGraph::descriptor_of(const CudnnTensor& t) {
  for (const auto& entry : tensors_)
    if (entry->id == t.id) return entry->descriptor;
  CudnnDescriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const cudnnDataType_t type = cudnn_type(t.dtype);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, t.dims);
  d.set(CUDNN_ATTR_TENSOR_STRIDES, t.strides);
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, t.id);
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 16);
  d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &t.is_virtual);
  d.finalize();
  return tensors_.emplace_back(std::make_unique<Entry>(Entry{t.id, std::move(d)}))->descriptor;
}

void CudnnGraph::conv_forward(const CudnnConv& conv, const CudnnTensor& x, const CudnnTensor& w, const CudnnTensor& y) {
  CudnnDescriptor op(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, helpers_.emplace_back(make_conv(conv)));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, descriptor_of(x));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, descriptor_of(w));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, descriptor_of(y));
  op.set_float(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1);
  op.set_float(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0);
  push(std::move(op));
}

void CudnnGraph::conv_backward_data(const CudnnConv& conv, const CudnnTensor& dy, const CudnnTensor& w, bool add,
                                    const CudnnTensor& dx) {
  CudnnDescriptor op(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, helpers_.emplace_back(make_conv(conv)));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, descriptor_of(dy));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, descriptor_of(w));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, descriptor_of(dx));
  op.set_float(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 1);
  op.set_float(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, add ? 1 : 0);
  push(std::move(op));
}

void CudnnGraph::conv_backward_filter(const CudnnConv& conv, const CudnnTensor& x, const CudnnTensor& dy,
                                      const CudnnTensor& dw) {
  CudnnDescriptor op(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, helpers_.emplace_back(make_conv(conv)));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, descriptor_of(x));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, descriptor_of(dy));
  op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, descriptor_of(dw));
  op.set_float(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 1);
  op.set_float(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 0);
  push(std::move(op));
}

void CudnnGraph::add(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  binary(CUDNN_POINTWISE_ADD, a, b, y);
}
void CudnnGraph::multiply(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  binary(CUDNN_POINTWISE_MUL, a, b, y);
}

// As a sum with -b: the engines recognize batch norm's subtraction of the mean only in this form.
void CudnnGraph::subtract(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  binary(CUDNN_POINTWISE_ADD, a, b, y, -1);
}

void CudnnGraph::relu(const CudnnTensor& x, const CudnnTensor& y) {
  CudnnDescriptor op = pointwise(CUDNN_POINTWISE_RELU_FWD, x);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, descriptor_of(y));
  push(std::move(op));
}

void CudnnGraph::relu_backward(const CudnnTensor& dy, const CudnnTensor& x, const CudnnTensor& dx) {
  CudnnDescriptor op = pointwise(CUDNN_POINTWISE_RELU_BWD, x);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, descriptor_of(dy));
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, descriptor_of(dx));
  push(std::move(op));
}

void CudnnGraph::sums(const CudnnTensor& x, const CudnnTensor& sum, const CudnnTensor& squares) {
  CudnnDescriptor op(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR);
  const cudnnGenStatsMode_t mode = CUDNN_GENSTATS_SUM_SQSUM;
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, 1, &mode);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &kMath);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, descriptor_of(x));
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, descriptor_of(sum));
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, descriptor_of(squares));
  push(std::move(op));
}

void CudnnGraph::norm_gradients(const CudnnNormGradients& t) {
  CudnnDescriptor op(CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &kMath);
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_X_DESC, descriptor_of(t.x));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DY_DESC, descriptor_of(t.dy));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MEAN_DESC, descriptor_of(t.mean));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_INVSTD_DESC, descriptor_of(t.invstd));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_BN_SCALE_DESC, descriptor_of(t.scale));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_SCALE_DESC, descriptor_of(t.dscale));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_BIAS_DESC, descriptor_of(t.dbias));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_DY_SCALE_DESC, descriptor_of(t.a));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_X_SCALE_DESC, descriptor_of(t.b));
  op.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_BIAS, descriptor_of(t.c));
  push(std::move(op));
}

// A pointwise operation of this mode that reads x; the caller sets its other tensors.
CudnnDescriptor CudnnGraph::pointwise(cudnnPointwiseMode_t mode, const CudnnTensor& x) {
  CudnnDescriptor& function = helpers_.emplace_back(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  function.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  function.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &kMath);
  function.finalize();
  CudnnDescriptor op(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, descriptor_of(x));
  return op;
}

void CudnnGraph::binary(cudnnPointwiseMode_t mode, const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y,
                        float b_factor) {
  CudnnDescriptor op = pointwise(mode, a);
  op.set_float(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, b_factor);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, descriptor_of(b));
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, descriptor_of(y));
  push(std::move(op));
}

void CudnnGraph::push(CudnnDescriptor operation) {
  operation.finalize();
  operations_.push_back(std::move(operation));
}

std::vector<CudnnCandidate> CudnnGraph::candidates(const CudnnPolicy& policy) const {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const CudnnDescriptor& op : operations_) raw.push_back(op.raw());
  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(raw.size()), raw.data());
  if (!policy.device) graph.set_handle(CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
  std::vector<CudnnCandidate> admitted;
  if (!graph.try_finalize()) return admitted;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (CudnnDescriptor& config : propose(graph, policy, mode)) {
      CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
      cudnnBackendDescriptor_t into = engine.raw();
      config.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &into);
      const bool runtime = has_note(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                    CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
      if (!admits(policy, engine) || (runtime && !policy.runtime_engines)) continue;
      const int64_t number = engine.get_int64(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
      std::string tag = tag_of(config, number);
      admitted.push_back(
          {.config = std::move(config), .engine = number, .tag = std::move(tag), .runtime_compiled = runtime});
    }
  return admitted;
}

std::unique_ptr<CudnnPlan> CudnnGraph::make(const CudnnCandidate& candidate, const CudnnPolicy& policy) const {
  CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, candidate.config);
  if (policy.device)
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, policy.device->descriptor());
  else
    plan.set_handle(CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
  if (!plan.try_finalize()) return nullptr;
  auto ready = std::make_unique<CudnnPlan>(std::move(plan), candidate.engine, candidate.tag);
  return ready->workspace() <= policy.workspace_limit ? std::move(ready) : nullptr;
}

std::unique_ptr<CudnnPlan> CudnnGraph::plan(const CudnnPolicy& policy, const std::string& tag) const {
  for (const CudnnCandidate& candidate : candidates(policy)) {
    if (!tag.empty() && candidate.tag != tag) continue;
    if (auto ready = make(candidate, policy)) return ready;
  }
  return nullptr;
}

}  // namespace pc
