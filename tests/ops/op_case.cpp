#include "tests/ops/op_case.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

// Host values as a tensor: on the CPU it ends where a page begins that nobody may touch; on a GPU it begins `offset`
// elements into its memory.
Tensor place(const Values& values, const Shape& shape, DType dtype, Device device, int64_t offset) {
  const int64_t n = int64_t(values.size());
  Tensor t;
  if (device == Device::cpu) {
    const auto guarded = std::make_shared<Guarded>(std::size_t(n) * size_of(dtype));
    t = Tensor::borrow(shape, dtype, guarded->data(), guarded);
  } else {
    t = Tensor({n + offset}, dtype, device).part(std::size_t(offset) * size_of(dtype), shape, dtype);
  }
  const Tensor f32 = Tensor::from({n}, std::vector<float>(values.begin(), values.end()), device);
  PC_KERNELS(cast, device).forward(n, DType::f32, f32.data(), dtype, t.data());
  return t;
}

Values values_of(const Tensor& t) {
  const std::vector<float> values = t.to_vector<float>();
  return {values.begin(), values.end()};
}

void append_bytes(const Tensor& t, std::vector<uint8_t>& bytes) {
  const std::size_t at = bytes.size();
  bytes.resize(at + t.bytes());
  memory::copy(Device::cpu, bytes.data() + at, t.device(), t.data(), t.bytes());
}

// The case's inputs, rounded as the op sees them.
std::vector<Values> random_inputs(const OpCase& c, DType dtype) {
  std::vector<Values> all;
  for (const OpInput& input : c.inputs)
    all.push_back(rounded(random_values(element_count(input.shape), 1 + all.size(), input.scale, input.shift),
                          input.f32 && !input.rounded ? DType::f32 : dtype));
  return all;
}

std::vector<Var> make_vars(const OpCase& c, const std::vector<Values>& inputs, DType dtype, Device device,
                           int64_t offset) {
  std::vector<Var> vars;
  for (const OpInput& input : c.inputs)
    vars.emplace_back(
        place(inputs[vars.size()], input.shape, input.f32 ? DType::f32 : dtype, device, input.f32 ? 0 : offset),
        input.differentiable);
  return vars;
}

struct Result {
  Values y, dy;
  DType y_dtype;
  std::vector<Values> gradients;  // empty for an input that has none
  std::vector<uint8_t> bytes;     // y and the gradients
};

Result forward_and_backward(const OpCase& c, const std::vector<Values>& inputs, DType dtype, Device device,
                            int64_t offset = 0) {
  const std::vector<Var> vars = make_vars(c, inputs, dtype, device, offset);
  const Var y = c.run(vars);
  const Tensor dy = place(random_values(y.value().size(), 100), y.shape(), y.value().dtype(), device, offset);
  Var::record("loss", Tensor::full({}, 0, device), {y}, [dy](const Tensor&) {
    return std::vector<Tensor>{dy};
  }).backward();

  Result result{.y = values_of(y.value()), .dy = values_of(dy), .y_dtype = y.value().dtype()};
  append_bytes(y.value(), result.bytes);
  for (std::size_t k = 0; k < vars.size(); ++k) {
    result.gradients.push_back(c.inputs[k].differentiable ? values_of(vars[k].grad()) : Values());
    if (c.inputs[k].differentiable) append_bytes(vars[k].grad(), result.bytes);
  }
  return result;
}

// Half a unit in the last place is allowed twice.
double rounding(DType dtype, double value) {
  if (dtype == DType::bf16) return 0x1p-8 * std::abs(value);
  return dtype == DType::f16 ? 0x1p-10 * std::abs(value) + 0x1p-24 : 0;
}

// Where to take differences: everywhere in small inputs, else at both ends and at some elements between.
std::vector<std::size_t> sampled(std::size_t n) {
  const std::size_t budget = std::clamp<std::size_t>(200'000 / n, 6, 96);
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < std::min(n, budget); ++i)
    at.push_back(n <= budget ? i : i % 3 == 0 ? i / 3 : i % 3 == 1 ? n - 1 - i / 3 : i * 2654435761u % n);
  return at;
}

// dL/dx at one element by central differences, L = sum of y * dy: the value and the size of its terms.
struct Slope {
  double value = 0, size = 0;
  bool kink = false;  // the slopes on both sides differ
};

Slope slope_at(const OpCase& c, std::vector<Values>& inputs, std::size_t k, std::size_t i, const Values& y,
               const Values& dy) {
  constexpr double kStep = 1e-5;
  double& x = inputs[k][i];
  const double kept = x;
  x = kept + kStep;
  const Values up = c.reference(inputs);
  x = kept - kStep;
  const Values down = c.reference(inputs);
  x = kept;
  Slope slope;
  double bend = 0;
  for (std::size_t j = 0; j < y.size(); ++j) {
    const double term = (up[j] - down[j]) / (2 * kStep) * dy[j];
    slope.value += term;
    slope.size += std::abs(term);
    bend += std::abs((up[j] - 2 * y[j] + down[j]) / kStep * dy[j]);
  }
  slope.kink = bend > 1e-2 * (slope.size + 1e-2);
  return slope;
}

bool agree(double got, double want, double error) {
  if (!std::isfinite(want)) return got == want || (std::isnan(got) && std::isnan(want));
  return std::abs(got - want) <= error;
}

void expect_forward(const OpCase& c, const std::vector<Values>& inputs, const Result& got) {
  const Values want = c.reference(inputs);
  ASSERT_EQ(got.y.size(), want.size());
  double squares = 0;
  for (const double v : want) squares += std::isfinite(v) ? v * v : 0;
  const double size = std::sqrt(squares / double(want.size()));
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_TRUE(agree(got.y[i], want[i], rounding(got.y_dtype, want[i]) + c.accuracy * (std::abs(want[i]) + size)))
        << "y[" << i << "] is " << got.y[i] << ", expected " << want[i];
}

void expect_gradients(const OpCase& c, std::vector<Values> inputs, DType dtype, Device device, const Result& got) {
  const Values y = c.reference(inputs);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!c.inputs[k].differentiable) continue;
    const bool is_f32 = c.inputs[k].f32 && !(c.inputs[k].rounded && device == Device::cuda);
    ASSERT_EQ(got.gradients[k].size(), inputs[k].size());
    for (const double v : got.gradients[k]) ASSERT_TRUE(std::isfinite(v)) << "the gradient of input " << k;
    int kinks = 0;
    const std::vector<std::size_t> at = sampled(inputs[k].size());
    for (const std::size_t i : at) {
      const Slope want = slope_at(c, inputs, k, i, y, got.dy);
      kinks += want.kink;
      // Values are of order 1: a term that cancels may leave f32's own rounding of that.
      const double error = rounding(is_f32 ? DType::f32 : dtype, want.value) + c.accuracy * want.size + 2e-7;
      ASSERT_TRUE(want.kink || agree(got.gradients[k][i], want.value, error))
          << "the gradient of input " << k << " [" << i << "] is " << got.gradients[k][i] << ", expected "
          << want.value;
    }
    EXPECT_LE(kinks, int(at.size() / 2)) << "kinks; input " << k << " is not checked";
  }
}

std::vector<DType> types(Device device) {
  if (device == Device::cpu) return {DType::f32, DType::bf16};
  return {DType::f32, DType::bf16, DType::f16};
}

}  // namespace

void check_values(const std::vector<OpCase>& cases, Device device) {
  for (const OpCase& c : cases)
    for (const DType dtype : types(device)) {
      const std::vector<Values> inputs = random_inputs(c, dtype);
      for (const int64_t offset : {0, 1}) {
        if (offset > 0 && device == Device::cpu) continue;
        SCOPED_TRACE(c.name + " " + name_of(dtype) + (offset > 0 ? ", off alignment" : ""));
        const Result got = forward_and_backward(c, inputs, dtype, device, offset);
        expect_forward(c, inputs, got);
        expect_gradients(c, inputs, dtype, device, got);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
}

void check_special_values(const std::vector<OpCase>& cases, Device device) {
  const NoGrad no_grad;
  for (const OpCase& c : cases)
    for (const DType dtype : types(device))
      for (std::size_t k = 0; k < c.inputs.size(); ++k)
        for (const double special : {double(kNaN), double(kInf), -double(kInf)}) {
          SCOPED_TRACE(c.name + " " + name_of(dtype) + ": " + std::to_string(special) + " in input " +
                       std::to_string(k));
          std::vector<Values> inputs = random_inputs(c, dtype);
          inputs[k][inputs[k].size() / 2] = special;
          const Var y = c.run(make_vars(c, inputs, dtype, device, 0));
          expect_forward(c, inputs, {.y = values_of(y.value()), .y_dtype = y.value().dtype()});
          if (testing::Test::HasFatalFailure()) return;
        }
}

void check_threads(const std::vector<OpCase>& cases) {
  for (const OpCase& c : cases)
    for (const DType dtype : types(Device::cpu)) {
      const std::vector<Values> inputs = random_inputs(c, dtype);
      std::vector<uint8_t> first;
      for (const int threads : {1, 2, 5}) {
        set_thread_count(threads);
        std::vector<uint8_t> bytes = forward_and_backward(c, inputs, dtype, Device::cpu).bytes;
        set_thread_count(0);
        if (threads == 1)
          first = std::move(bytes);
        else
          EXPECT_TRUE(bytes == first) << c.name << " " << name_of(dtype) << ": the bits differ with " << threads
                                      << " threads";
      }
    }
}

}  // namespace pc::test
