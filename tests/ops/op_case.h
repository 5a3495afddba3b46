// OpCase: one case of an op, the only thing that its tests and its benchmark are made from. README.md says how to write
// one; bench/op_timing.h times it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "tests/ops/values.h"

namespace pc::test {

using InputValues = std::vector<Values>;  // of every input

struct OpInput {
  Shape shape;
  bool f32 = false;                   // in any case, as parameters and gates are; else of the case's type
  bool rounded = false;               // f32, but the op rounds it to the case's type, on CUDA its gradient too: weights
  bool differentiable = true;         // the op gives its gradient
  int reads = 1, backward_reads = 1;  // passes over it, for the bytes
  double scale = 1, shift = 0;        // of its random values
  double step = 0;  // they are multiples of it: with maxima of rounded values, so that none gets equal to another
  // Its values, from those of the inputs before it. Empty: random ones.
  std::function<Values(const InputValues&)> made = {};
  // What the op writes into it, from the values before: running statistics, a further result. Empty: it stays as it was.
  std::function<Values(const InputValues&)> written = {};
};

struct OpCase {
  std::string name;
  std::vector<OpInput> inputs;
  std::function<Values(const InputValues&)> reference;  // the formula as plain loops
  std::function<Var(const std::vector<Var>&)> run;
  double accuracy = 4e-6;                // of f32 arithmetic, relative to the size of the terms
  int roundings = 0;                     // of intermediate results to the case's type, whose errors add up in a result
  std::optional<DType> only = {};        // the one type it is for; f16: on CUDA
  Fusions fusions = {};                  // while it runs
  double flops = 0, backward_flops = 0;  // for the benchmark, as are
  Shape y = {};                          // the result's shape; empty: of the first input
  int y_reads = 1;                       // passes of backward over dy and y
};

// The engine's switches, for as long as one lives.
class ScopedFusions {
 public:
  explicit ScopedFusions(const Fusions& these) : before_(fusions()) { fusions() = these; }
  ~ScopedFusions() { fusions() = before_; }
  ScopedFusions(const ScopedFusions&) = delete;

 private:
  const Fusions before_;
};

// Values, what is written into inputs, and the gradient of every differentiable input, against the reference; the
// gradients by its differences. Every type of the device; on a GPU also with inputs that are not 16-byte aligned. On the
// CPU a read past an input is a crash; elsewhere a write past a tensor is found when it is freed, and what is not written
// is NaN.
void check_values(const std::vector<OpCase>& cases, Device device);
// One NaN or infinity in an input gives what it gives in the reference; with no gradient asked for, as in inference.
void check_special_values(const std::vector<OpCase>& cases, Device device);
// On the CPU: the same bits with 1, 2 and 5 threads, forward and backward.
void check_threads(const std::vector<OpCase>& cases);

// Computes the gradients of L = sum of y * dy.
inline void backward_from(const Var& y, const Tensor& dy) {
  Var::record("loss", Tensor::full({}, 0, dy.device()), {y}, [dy](const Tensor&) {
    return std::vector<Tensor>{dy};
  }).backward();
}

// For a test of the op's own:
InputValues random_inputs(const OpCase& c, DType dtype);
struct OpResult {
  Values y, dy;
  DType y_dtype;
  InputValues gradients;       // empty for an input that has none
  InputValues written;         // the inputs afterwards
  std::vector<uint8_t> bytes;  // of all of these
};
// dy: empty, or in place of a random one.
OpResult forward_and_backward(const OpCase& c, const InputValues& inputs, DType dtype, Device device,
                              const Values& dy = {}, int64_t offset = 0);

}  // namespace pc::test
