// Var: a Tensor and the record of how it was made; backward() walks the records from a scalar.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/tensor.h"

namespace pc {

// dL/dy -> dL/dx of each input, in order; an empty Tensor where an input needs none. The rule returns gradients, only var.cpp adds
// them up, unless the rule takes the sum so far (Var::take_partial_grad) and returns it with its own term in it. A rule runs once and may hand
// back dy itself.
using Backward = std::function<std::vector<Tensor>(const Tensor& dy)>;

// One recorded op and the value that it made.
struct Record {
  const char* op;
  Shape shape;
  DType dtype;
};

class Var {
 public:
  Var() = default;
  explicit Var(Tensor value, bool requires_grad = false);  // a leaf

  // The result y of an op, a string that lives forever. Nothing is recorded where no input needs a gradient: the rule and what it captured are dropped.
  static Var record(const char* op, Tensor y, std::vector<Var> inputs, Backward rule);

  bool empty() const { return !node_; }
  const Tensor& value() const;
  Shape shape() const { return value().shape(); }
  bool requires_grad() const;
  void set_requires_grad(bool on);

  // Leaves: the new value; its 16-bit copy is dropped.
  void set_value(Tensor value);
  // The value as `dtype`: itself, or a copy that stays beside it. The optimizer keeps that copy up to date (see low()).
  Tensor as(DType dtype) const;
  Tensor low() const;  // the 16-bit copy, empty where none was asked for

  const Tensor& grad() const;  // f32 for parameters; empty before backward()
  void clear_grad();
  // For the rule of an op on this value: the sum of what newer ops have given for it, to add to in place and to return. Empty where there
  // is none yet, or where somebody else sees its memory.
  Tensor take_partial_grad() const;

  // From this scalar; see below.
  void backward();

 private:
  friend void backward(const std::vector<Var>& losses, const std::vector<Tensor>& seeds);
  friend std::vector<Record> records(const std::vector<Var>& results);
  struct Node;
  std::shared_ptr<Node> node_;
};

// L = sum of seed_i * loss_i: fills grad() of every leaf that requires one and frees the records on the way. The seeds are the weights
// of the losses, times the loss scale of 16-bit training: scalars on their device.
void backward(const std::vector<Var>& losses, const std::vector<Tensor>& seeds);
void backward(const std::vector<Var>& losses, const std::vector<float>& seeds);

// The ops that led to these values, oldest first, before backward() frees them.
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
