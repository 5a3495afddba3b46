// The cached plans of this process, and the choices of engines that they were made from.
#include <map>
#include <mutex>

#include "kernels/conv2d/conv2d_choices.h"
#include "kernels/conv2d/conv2d_graph.h"
#include "kernels/conv2d/conv2d_plans.h"
#include "kernels/conv2d/conv2d_tune.h"
#include "kernels/runtime/cuda.h"

namespace pc {
namespace {

struct Plans {
  std::mutex mutex;
  std::map<ConvKey, std::unique_ptr<CudnnPlan>> ready;
  Conv2dChoices choices;  // by text_of(); also lines loaded for other devices
  bool tune = false;
};

Plans& plans() {
  static auto* all = new Plans;  // never destroyed: the driver's exit handlers may run first
  return *all;
}

std::string text_of(const ConvKey& key) {
  constexpr const char* kPasses[] = {"forward", "forward_sums", "backward_data",      "backward_weight",
                                     "infer",   "norm_forward", "norm_backward_data", "norm_backward_weight"};
  const Conv2dShape& s = key.shape;
  std::string text = device_and_cudnn_id() + "; " + kPasses[int(key.pass)] + " " + name_of(key.dtype) + " ";
  for (const int size : {s.n, s.h, s.w}) text += std::to_string(size) + "x";
  text += std::to_string(s.c) + " " + std::to_string(s.k) + "x" + std::to_string(s.r) + "x" + std::to_string(s.s) +
          "/" + std::to_string(s.stride) + "+" + to_string(s.pad);
  if (s.groups > 1) text += " groups " + std::to_string(s.groups);
  return text + (key.residual ? " residual" : "") + (key.activation == Activation::relu ? " relu" : "") +
         (key.add ? " add" : "");
}

// With tuning the engine chosen before, else the fastest one; without, or if cuDNN no longer offers any, cuDNN's first proposal. If tuning
// rejected all engines, an optional pass gets none.
std::unique_ptr<CudnnPlan> make_plan(Plans& all, const ConvKey& key) {
  const CudnnGraph graph = conv2d_graph(key);
  const CudnnPolicy policy = conv2d_policy(key.dtype);
  if (all.tune) {
    const std::string text = text_of(key);
    if (const auto found = all.choices.find(text); found != all.choices.end())
      if (auto plan = graph.plan(policy, found->second)) return plan;
    if (auto plan = conv2d_tuned_plan(key, graph, policy)) {
      all.choices[text] = plan->tag();
      return plan;
    }
    if (is_optional(key.pass)) return nullptr;
  }
  return graph.plan(policy);
}

void load(const std::string& text, const std::string& name) {
  Plans& all = plans();
  std::lock_guard lock(all.mutex);
  add_conv2d_choices(all.choices, text, name);
}

std::string text() {
  Plans& all = plans();
  std::lock_guard lock(all.mutex);
  return to_text(all.choices);
}

void tune(bool on) {
  Plans& all = plans();
  std::lock_guard lock(all.mutex);
  if (all.tune != on) all.ready.clear();
  all.tune = on;
}

}  // namespace

const CudnnPlan* conv2d_plan(const ConvKey& key) {
  Plans& all = plans();
  std::lock_guard lock(all.mutex);
  const auto found = all.ready.find(key);
  if (found != all.ready.end()) return found->second.get();
  return all.ready.emplace(key, make_plan(all, key)).first->second.get();
}

const Conv2dPlans conv2d_plans_cuda{.load = load, .text = text, .tune = tune};

}  // namespace pc
