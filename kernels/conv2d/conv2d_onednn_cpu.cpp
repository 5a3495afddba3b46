// conv2d through oneDNN: primitives and the reorders around them, cached by shape.
#include <dnnl.hpp>
#include <map>
#include <mutex>

#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/runtime/error.h"
#include "kernels/runtime/parallel.h"

namespace pc::conv2d {
namespace {

using dnnl::prop_kind;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  thread_local dnnl::stream one(engine());
  return one;
}

Type type_of(DType dtype) { return dtype == DType::bf16 ? Type::bf16 : Type::f32; }

// A reorder from one layout to another; empty where they are equal.
struct Reorder {
  dnnl::reorder primitive;
  Reorder() = default;
  Reorder(const Desc& from, const Desc& to) {
    if (from != to) primitive = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
  }
  explicit operator bool() const { return bool(primitive); }
  void run(const Desc& from, const void* src, const Desc& to, void* dst) const {
    dnnl::memory a(from, engine(), const_cast<void*>(src)), b(to, engine(), dst);
    primitive.execute(stream(), a, b);
  }
};

}  // namespace

class Plan {
 public:
  explicit Plan(const PlanKey& key);

  PlanKey key;
  Desc in_user, w_user, out_user;  // NHWC, KRSC, NHWC
  Desc in, w, out;                 // what the primitive works on
  Desc bias, scratch;
  Reorder in_reorder, w_reorder, out_reorder, residual_reorder;
  dnnl::primitive primitive;
  std::string layout;
};

namespace {

std::string layout_of(const Desc& desc) {
  return std::string(reinterpret_cast<const char*>(&desc.data), sizeof(desc.data));
}

dnnl::primitive_attr attributes(const PlanKey& key) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops ops;
  if (key.residual) ops.append_sum();
  if (key.relu) ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  attr.set_post_ops(ops);
  return attr;
}

// The rule for layouts. nhwc needs no reorder and is best wherever the maps are large; on maps of a few pixels (layer4
// at 80x60) the 16-channel blocks are worth two reorders of a small tensor. Three input channels have no fast nhwc
// kernel: plain nchw has one.
bool blocked_is_faster(const Conv2dShape& s) {
  return s.c < 16 || (s.c % 16 == 0 && s.k % 16 == 0 && s.p() * s.q() <= 8);
}

}  // namespace

Plan::Plan(const PlanKey& k) : key(k) {
  const Conv2dShape& s = key.shape;
  const Type type = type_of(key.dtype);
  const dnnl::memory::dims x_dims{s.n, s.c, s.h, s.w}, w_dims{s.k, s.c, s.r, s.s}, y_dims{s.n, s.k, s.p(), s.q()};
  const Desc x_user(x_dims, type, Tag::nhwc), y_user(y_dims, type, Tag::nhwc);
  const bool blocked = blocked_is_faster(s);
  const Desc x_any = blocked ? Desc(x_dims, type, s.c < 16 && s.c != 1 ? Tag::nchw : Tag::any) : x_user;
  const Desc y_any = blocked ? Desc(y_dims, type, Tag::any) : y_user;
  const Desc w_any(w_dims, type, Tag::any);
  const dnnl::memory::dims strides{s.stride, s.stride}, pads{s.pad, s.pad};
  // The right and lower pads that make the size of y what p() and q() say.
  const dnnl::memory::dims end_pads{(s.p() - 1) * s.stride + s.r - s.h - s.pad,
                                    (s.q() - 1) * s.stride + s.s - s.w - s.pad};
  const auto algorithm = dnnl::algorithm::convolution_direct;
  w_user = Desc(w_dims, type, Tag::ohwi);
  bias = key.bias ? Desc({s.k}, Type::f32, Tag::x) : Desc();
  // forward_training also for inference: forward_inference prefers brgconv, which is slow on small maps.
  const auto forward = key.bias ? dnnl::convolution_forward::desc(prop_kind::forward_training, algorithm, x_any, w_any,
                                                                  bias, y_any, strides, pads, end_pads)
                                : dnnl::convolution_forward::desc(prop_kind::forward_training, algorithm, x_any, w_any,
                                                                  y_any, strides, pads, end_pads);
  if (key.direction == Direction::forward) {
    const dnnl::convolution_forward::primitive_desc pd(forward, attributes(key), engine());
    in_user = x_user, out_user = y_user;
    in = pd.src_desc(), w = pd.weights_desc(), out = pd.dst_desc(), scratch = pd.scratchpad_desc();
    primitive = dnnl::convolution_forward(pd);
  } else {
    const dnnl::convolution_forward::primitive_desc hint(forward, engine());
    const dnnl::convolution_backward_data::primitive_desc pd({algorithm, x_any, w_any, y_any, strides, pads, end_pads},
                                                             attributes(key), engine(), hint);
    in_user = y_user, out_user = x_user;
    in = pd.diff_dst_desc(), w = pd.weights_desc(), out = pd.diff_src_desc(), scratch = pd.scratchpad_desc();
    primitive = dnnl::convolution_backward_data(pd);
  }
  in_reorder = Reorder(in_user, in);
  w_reorder = Reorder(w_user, w);
  out_reorder = Reorder(out, out_user);
  if (key.residual) residual_reorder = Reorder(out_user, out);
  layout = layout_of(w);
}

const Plan& plan_for(const PlanKey& key) {
  static std::mutex mutex;
  static auto* plans = new std::map<PlanKey, std::unique_ptr<Plan>>;  // outlives every static tensor
  std::lock_guard lock(mutex);
  auto& plan = (*plans)[key];
  try {
    if (!plan) plan = std::make_unique<Plan>(key);
  } catch (const dnnl::error& e) {
    fail_shape(describe(key.shape, key.dtype) + ": oneDNN has no primitive: " + e.what());
  }
  return *plan;
}

const std::string& weight_layout(const Plan& plan) { return plan.layout; }

Buffer pack_weights(const Plan& plan, const float* w) {
  const Conv2dShape& s = plan.key.shape;
  const Desc from({s.k, s.c, s.r, s.s}, Type::f32, Tag::ohwi);
  Buffer packed(Device::cpu, plan.w.get_size());
  dnnl::memory a(from, engine(), const_cast<float*>(w)), b(plan.w, engine(), packed.data());
  dnnl::reorder(a, b).execute(stream(), a, b);
  return packed;
}

void execute(const Plan& plan, const void* in, const void* w, bool packed, const float* bias, void* out) try {
  const auto memory = [](const Desc& desc, const void* data) {
    return dnnl::memory(desc, engine(), const_cast<void*>(data));
  };
  const bool move_w = plan.w_reorder && !packed;
  Buffer in_own(Device::cpu, plan.in_reorder ? plan.in.get_size() : 0),
      w_own(Device::cpu, move_w ? plan.w.get_size() : 0),
      out_own(Device::cpu, plan.out_reorder ? plan.out.get_size() : 0), scratch(Device::cpu, plan.scratch.get_size());
  if (plan.in_reorder) plan.in_reorder.run(plan.in_user, in, plan.in, in_own.data());
  if (move_w) plan.w_reorder.run(plan.w_user, w, plan.w, w_own.data());
  if (plan.residual_reorder) plan.residual_reorder.run(plan.out_user, out, plan.out, out_own.data());
  const auto src = memory(plan.in, plan.in_reorder ? in_own.data() : in),
             weights = memory(plan.w, move_w ? w_own.data() : w),
             dst = memory(plan.out, plan.out_reorder ? out_own.data() : out),
             pad = memory(plan.scratch, scratch.data());
  if (plan.key.direction == Direction::backward_data) {
    plan.primitive.execute(
        stream(),
        {{DNNL_ARG_DIFF_DST, src}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DIFF_SRC, dst}, {DNNL_ARG_SCRATCHPAD, pad}});
  } else {
    std::unordered_map<int, dnnl::memory> args{
        {DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, dst}, {DNNL_ARG_SCRATCHPAD, pad}};
    if (plan.key.bias) args.emplace(DNNL_ARG_BIAS, memory(plan.bias, bias));
    plan.primitive.execute(stream(), args);
  }
  if (plan.out_reorder) plan.out_reorder.run(plan.out, out_own.data(), plan.out_user, out);
  stream().wait();
} catch (const dnnl::error& e) {
  fail_shape(describe(plan.key.shape, plan.key.dtype) + ": oneDNN failed: " + e.what());
}

}  // namespace pc::conv2d
