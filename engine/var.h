// Var: a Tensor and the record of how it was computed; backward() walks the records from a scalar.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/tensor.h"

namespace pc {

// dL/dy -> dL/dx of each input, in order; an empty Tensor for an input that needs none. A rule returns gradients; only
// var.cpp adds them up, unless the rule takes the partial sum (Var::take_partial_grad) and returns it with its own term
// added. A rule runs once and may return dy itself.
using Backward = std::function<std::vector<Tensor>(const Tensor& dy)>;

// One recorded op and its result.
struct Record {
  const char* op;
  Shape shape;
  DType dtype;
};

class Var {
 public:
  Var() = default;
  explicit Var(Tensor value, bool requires_grad = false);  // a leaf

  // The result y of an op; `op` must have static lifetime. If no input requires a gradient, nothing is recorded: the
  // rule and its captures are dropped.
  static Var record(const char* op, Tensor y, std::vector<Var> inputs, Backward rule);

  bool empty() const { return !node_; }
  const Tensor& value() const;
  Shape shape() const { return value().shape(); }
  bool requires_grad() const;
  void set_requires_grad(bool on);

  // Leaves: the new value; its 16-bit copy is dropped.
  void set_value(Tensor value);
  // The value as `dtype`: itself, or a copy that is cached with it. The optimizer keeps that copy up to date (see
  // low()).
  Tensor as(DType dtype) const;
  Tensor low() const;  // the 16-bit copy, empty if as() has not made one

  const Tensor& grad() const;  // f32 for parameters; empty before backward()
  void clear_grad();
  // For the backward rule of an op on this value: the sum of the gradients that newer ops gave for it, to be added to
  // in place and returned. Empty if there is none yet, or if another Tensor shares its memory.
  Tensor take_partial_grad() const;

  // From this scalar; see below.
  void backward();

 private:
  friend void backward(const std::vector<Var>& losses, const std::vector<Tensor>& seeds);
  friend std::vector<Record> records(const std::vector<Var>& results);
  struct Node;
  std::shared_ptr<Node> node_;
};

// L = sum of seed_i * loss_i: computes grad() of every leaf that requires one and frees the records. The seeds are the
// weights of the losses, times the loss scale of 16-bit training: scalars on the losses' device.
void backward(const std::vector<Var>& losses, const std::vector<Tensor>& seeds);
void backward(const std::vector<Var>& losses, const std::vector<float>& seeds);

// The recorded ops that these values depend on, oldest first; call it before backward(), which frees them.
std::vector<Record> records(const std::vector<Var>& results);

// While one exists on this thread, nothing is recorded.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace pc
