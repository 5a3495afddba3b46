#include "kernels/activation/activation.h"

#include "kernels/base/error.h"

namespace pc {

const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::none:
      return "none";
    case Activation::relu:
      return "relu";
    case Activation::relu6:
      return "relu6";
    case Activation::silu:
      return "silu";
    case Activation::hardswish:
      return "hardswish";
    case Activation::hardsigmoid:
      return "hardsigmoid";
    case Activation::sigmoid:
      return "sigmoid";
    case Activation::gelu:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_tanh";
  }
  fail_shape("activation: no such kind");
}

Activation activation_from_name(const std::string& name) {
  std::string known;
  for (const Activation activation : kActivations) {
    if (name == name_of(activation)) return activation;
    known += std::string(known.empty() ? "" : ", ") + name_of(activation);
  }
  fail(Exit::usage, "activation '" + name + "': must be one of " + known);
}

}  // namespace pc
