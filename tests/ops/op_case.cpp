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

std::vector<Var> make_vars(const OpCase& c, const InputValues& inputs, DType dtype, Device device, int64_t offset,
                           bool gradients = true) {
  std::vector<Var> vars;
  for (const OpInput& input : c.inputs)
    vars.emplace_back(
        place(inputs[vars.size()], input.shape, input.f32 ? DType::f32 : dtype, device, input.f32 ? 0 : offset),
        gradients && input.differentiable);
  return vars;
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
  double unsure = 0;  // of terms at a kink, where the slopes on both sides differ
  bool kink = false;  // too much of it
};

Slope slope_at(const OpCase& c, InputValues& inputs, std::size_t k, std::size_t i, const Values& y, const Values& dy) {
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
    const double left = y[j] - down[j], right = up[j] - y[j];
    const double term = (left + right) / (2 * kStep) * dy[j], bent = std::abs((right - left) / kStep * dy[j]);
    slope.value += term;
    slope.size += std::abs(term);
    bend += bent;
    if (std::abs(right - left) > 1e-2 * (std::abs(left) + std::abs(right))) slope.unsure += bent;
  }
  slope.kink = bend > 1e-2 * (slope.size + 1e-2);
  return slope;
}

// Of what is computed from f32 numbers, or f32 itself.
double accuracy_of(const OpCase& c, DType dtype) { return c.accuracy + c.roundings * rounding(dtype, 1); }

bool agree(double got, double want, double error) {
  if (!std::isfinite(want)) return got == want || (std::isnan(got) && std::isnan(want));
  return std::abs(got - want) <= error;
}

void expect_values(const Values& got, const Values& want, DType dtype, double accuracy, const std::string& name) {
  ASSERT_EQ(got.size(), want.size()) << name;
  double squares = 0;
  for (const double v : want) squares += std::isfinite(v) ? v * v : 0;
  const double size = std::sqrt(squares / double(want.size()));
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_TRUE(agree(got[i], want[i], rounding(dtype, want[i]) + accuracy * (std::abs(want[i]) + size)))
        << name << "[" << i << "] is " << got[i] << ", expected " << want[i];
}

// y, and what is in the inputs.
void expect_forward(const OpCase& c, const InputValues& inputs, DType dtype, const OpResult& got) {
  expect_values(got.y, c.reference(inputs), got.y_dtype, accuracy_of(c, dtype), "y");
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (const auto& written = c.inputs[k].written)
      expect_values(got.written[k], written(inputs), DType::f32, accuracy_of(c, dtype), "input " + std::to_string(k));
    else
      expect_values(got.written[k], inputs[k], DType::f32, 0, "input " + std::to_string(k));
}

void expect_gradients(const OpCase& c, InputValues inputs, DType dtype, Device device, const OpResult& got) {
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
      const double error = rounding(is_f32 ? DType::f32 : dtype, want.value) + accuracy_of(c, dtype) * want.size +
                           c.accuracy / 20 + want.unsure;
      ASSERT_TRUE(want.kink || agree(got.gradients[k][i], want.value, error))
          << "the gradient of input " << k << " [" << i << "] is " << got.gradients[k][i] << ", expected "
          << want.value;
    }
    EXPECT_LE(kinks, int(at.size() / 2)) << "kinks; input " << k << " is not checked";
  }
}

std::vector<DType> types(const OpCase& c, Device device) {
  std::vector<DType> all{DType::f32, DType::bf16};
  if (device == Device::cuda) all.push_back(DType::f16);
  if (c.only) std::erase_if(all, [&](DType dtype) { return dtype != *c.only; });
  return all;
}

}  // namespace

// Rounded as the op sees them.
InputValues random_inputs(const OpCase& c, DType dtype) {
  InputValues all;
  for (const OpInput& input : c.inputs) {
    Values values = input.made ? input.made(all)
                               : random_values(element_count(input.shape), 1 + all.size(), input.scale, input.shift);
    for (double& v : values)
      if (input.step > 0) v = std::round(v / input.step) * input.step;
    all.push_back(rounded(values, input.f32 && !input.rounded ? DType::f32 : dtype));
  }
  return all;
}

OpResult forward_and_backward(const OpCase& c, const InputValues& inputs, DType dtype, Device device,
                              const Values& given_dy, int64_t offset) {
  const ScopedFusions scoped(c.fusions);
  const std::vector<Var> vars = make_vars(c, inputs, dtype, device, offset);
  const Var y = c.run(vars);
  const Tensor dy = place(given_dy.empty() ? random_values(y.value().size(), 100) : given_dy, y.shape(),
                          y.value().dtype(), device, offset);
  backward_from(y, dy);

  OpResult result{.y = values_of(y.value()), .dy = values_of(dy), .y_dtype = y.value().dtype()};
  append_bytes(y.value(), result.bytes);
  for (std::size_t k = 0; k < vars.size(); ++k) {
    result.gradients.push_back(c.inputs[k].differentiable ? values_of(vars[k].grad()) : Values());
    if (c.inputs[k].differentiable) append_bytes(vars[k].grad(), result.bytes);
    result.written.push_back(values_of(vars[k].value()));
    append_bytes(vars[k].value(), result.bytes);
  }
  return result;
}

void check_values(const std::vector<OpCase>& cases, Device device) {
  for (const OpCase& c : cases)
    for (const DType dtype : types(c, device)) {
      const InputValues inputs = random_inputs(c, dtype);
      for (const int64_t offset : {0, 1}) {
        if (offset > 0 && device == Device::cpu) continue;
        SCOPED_TRACE(c.name + " " + name_of(dtype) + (offset > 0 ? ", off alignment" : ""));
        const OpResult got = forward_and_backward(c, inputs, dtype, device, {}, offset);
        expect_forward(c, inputs, dtype, got);
        expect_gradients(c, inputs, dtype, device, got);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
}

void check_special_values(const std::vector<OpCase>& cases, Device device) {
  for (const OpCase& c : cases)
    for (const DType dtype : types(c, device))
      for (std::size_t k = 0; k < c.inputs.size(); ++k)
        for (const double special : {double(kNaN), double(kInf), -double(kInf)}) {
          SCOPED_TRACE(c.name + " " + name_of(dtype) + ": " + std::to_string(special) + " in input " +
                       std::to_string(k));
          InputValues inputs = random_inputs(c, dtype);
          inputs[k][inputs[k].size() / 2] = special;
          const std::vector<Var> vars = make_vars(c, inputs, dtype, device, 0, false);
          const ScopedFusions scoped(c.fusions);
          const Var y = c.run(vars);
          OpResult got{.y = values_of(y.value()), .y_dtype = y.value().dtype()};
          for (const Var& var : vars) got.written.push_back(values_of(var.value()));
          expect_forward(c, inputs, dtype, got);
          if (testing::Test::HasFatalFailure()) return;
        }
}

void check_threads(const std::vector<OpCase>& cases) {
  for (const OpCase& c : cases)
    for (const DType dtype : types(c, Device::cpu)) {
      const InputValues inputs = random_inputs(c, dtype);
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
