// What the files of conv2d on the CPU share: oneDNN plans and the weight gradient.
#pragma once

#include <memory>
#include <string>

#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/memory.h"

namespace pc::conv2d {

// "conv2d n=64 80x60x3 k=64 7x7 stride 2 pad 3 bf16", for error messages.
std::string describe(const Conv2dShape&, DType);

enum class Direction : uint8_t { forward, backward_data };

// Everything that decides how a primitive is made. `threads` belongs to it: oneDNN divides the work when a primitive is
// created.
struct PlanKey {
  Conv2dShape shape;
  DType dtype;
  Direction direction = Direction::forward;
  bool bias = false, residual = false, relu = false;  // forward only
  int threads = 1;
  auto operator<=>(const PlanKey&) const = default;
};

// A oneDNN primitive with the reorders it needs, made once per key and kept for the life of the process.
class Plan;
const Plan& plan_for(const PlanKey&);

// `in` is x (forward) or dy (backward_data), `out` y or dx, both NHWC of the key's dtype. With `residual`, out holds it
// on entry. `w` is either KRSC of the key's dtype or, when `packed`, what pack_weights of an equal layout wrote.
void execute(const Plan&, const void* in, const void* w, bool packed, const float* bias, void* out);

// The layout that the plan wants its weights in: equal strings mean that packed weights may be shared.
const std::string& weight_layout(const Plan&);
// KRSC f32 -> the plan's own layout and type.
Buffer pack_weights(const Plan&, const float* w);

// dw (KRSC) = sum over n,p,q of dy * x; x and dy are f32 NHWC. The order of every sum depends on the shape only.
void weight_gradient(const Conv2dShape&, const float* x, const float* dy, float* dw);

}  // namespace pc::conv2d
