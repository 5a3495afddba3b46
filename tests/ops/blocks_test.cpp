// Blocks of networks, values and gradients, against PyTorch in f64: make_blocks_golden.py wrote the numbers, and has the
// same three functions.
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/base/file.h"
#include "tests/ops/op_case.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

using Inputs = std::map<std::string, Var>;

// As values() in make_blocks_golden.py.
std::vector<float> made_values(uint32_t seed, int64_t count, float scale, float shift) {
  std::vector<float> values;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t h = i * 2654435761u + seed * 2246822519u + 1;
    h ^= h >> 15;
    h *= 3266489917u;
    h ^= h >> 13;
    values.push_back((float(h >> 8) / float(1 << 23) - 1) * scale + shift);
  }
  return values;
}

Var norm(Inputs& in, const std::string& name, const Var& x, float eps, Activation activation,
         const Var& residual = Var()) {
  const Var &gamma = in[name + ".weight"], &beta = in[name + ".bias"];
  Var mean(Tensor::full(gamma.shape(), 0, x.value().device())), var(Tensor::full(gamma.shape(), 1, x.value().device()));
  return batch_norm(x, gamma, beta, mean, var, residual, {.eps = eps, .momentum = 0.1f, .activation = activation});
}

Var separable(Inputs& in) {
  const Var y = norm(in, "norm1", conv2d(in["x"], in["depthwise"], {.stride = 2, .pad = 1, .groups = 8}), 1e-5f,
                     Activation::relu);
  return norm(in, "norm2", conv2d(y, in["pointwise"], {}), 1e-5f, Activation::relu);
}

Var mbconv(Inputs& in) {
  const Var expanded = norm(in, "norm1", conv2d(in["x"], in["expand"], {}), 1e-3f, Activation::silu);
  const Var y = norm(in, "norm2", conv2d(expanded, in["depthwise"], {.pad = 2, .groups = 32}), 1e-3f, Activation::silu);
  const Var squeezed = linear(global_avg_pool(y), in["squeeze.weight"], in["squeeze.bias"]);
  const Var gate = linear(activation(squeezed, Activation::silu), in["excite.weight"], in["excite.bias"]);
  const Var gated = multiply(y, activation(gate, Activation::sigmoid));
  return norm(in, "norm3", conv2d(gated, in["project"], {}), 1e-3f, Activation::none, in["x"]);
}

Var convnext(Inputs& in) {
  const Var y = conv2d(in["x"], in["depthwise.weight"], in["depthwise.bias"], {.pad = 3, .groups = 8});
  const Var normed = layer_norm(y, in["norm.weight"], in["norm.bias"], 1e-6f);
  const Var hidden = activation(linear(normed, in["linear1.weight"], in["linear1.bias"]), Activation::gelu);
  return add(in["x"], multiply(linear(hidden, in["linear2.weight"], in["linear2.bias"]), in["scale"]));
}

void expect_near(const Tensor& got, const nlohmann::json& numbers, const std::string& name) {
  const auto want = numbers.get<std::vector<double>>();
  const std::vector<float> values = got.to_vector<float>();
  ASSERT_EQ(values.size(), want.size()) << name;
  double largest = 0, error = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::abs(want[i]));
    error = std::max(error, std::abs(double(values[i]) - want[i]));
  }
  EXPECT_LE(error, 1e-5 * largest) << name;
}

void check(Device device) {
  const auto golden = nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/ops/blocks_golden.json"));
  const std::pair<const char*, Var (*)(Inputs&)> blocks[] = {
      {"separable", separable}, {"mbconv", mbconv}, {"convnext", convnext}};
  for (const auto& [name, block] : blocks) {
    SCOPED_TRACE(name);
    Inputs inputs;
    for (uint32_t seed = 1; const auto& input : golden[name]["inputs"]) {
      const Shape shape = input["shape"].get<Shape>();
      inputs[input["name"]] = Var(
          Tensor::from(shape, made_values(seed++, element_count(shape), input["scale"], input["shift"]), device), true);
    }
    const Var y = block(inputs);
    expect_near(y.value(), golden[name]["y"], "y");
    const Tensor dy = Tensor::from(y.shape(), made_values(0, y.value().size(), 1, 0), device);
    backward_from(y, dy);
    for (const auto& input : golden[name]["inputs"])
      expect_near(inputs[input["name"]].grad(), input["gradient"],
                  "the gradient of " + input["name"].get<std::string>());
  }
}

TEST(Blocks, MatchPyTorch) { check(Device::cpu); }
TEST(Blocks, GpuMatchesPyTorch) {
  PC_NEEDS_GPU();
  check(Device::cuda);
}

}  // namespace
}  // namespace pc::test
