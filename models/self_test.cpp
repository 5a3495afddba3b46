#include "models/self_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops.h"
#include "kernels/base/error.h"
#include "models/model_file.h"

namespace pc {
namespace {

// Waves of several lengths and directions, so that every channel of a trained network responds.
std::vector<uint8_t> made_up_picture(int h, int w) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int c = 0; c < 3; ++c) {
        const double coarse = std::sin(0.21 * x + 0.13 * (c + 1) * y + c), fine = std::cos(1.3 * x - 0.9 * y + 2 * c);
        pixels.push_back(uint8_t(127.5 + 80 * coarse + 40 * fine));
      }
  return pixels;
}

Device device_of(Classifier& model) {
  Device device = Device::cpu;
  model.visit("", [&](const std::string&, Var& value, Role) { device = value.value().device(); });
  return device;
}

std::vector<std::vector<float>> answer(Classifier& model, const Tensor& input, Mode mode) {
  const NoGrad no_grad;
  std::vector<std::vector<float>> logits;
  for (const Var& head : model.forward(Var(input), mode)) logits.push_back(head.value().to_vector<float>());
  return logits;
}

bool is_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

std::optional<SelfTest> make_self_test(const Preprocess& preprocess, Classifier& model) {
  SelfTest test{.h = 24, .w = 18, .pixels = made_up_picture(24, 18), .logits = {}};
  test.logits = answer(model, self_test_input(test, preprocess, DType::f32).to(device_of(model)), Mode::eval);
  if (!std::all_of(test.logits.begin(), test.logits.end(), is_finite)) return std::nullopt;
  return test;
}

Tensor self_test_input(const SelfTest& test, const Preprocess& preprocess, DType dtype) {
  return augment(preprocess.shape(), dtype, Device::cpu, {.pixels = test.pixels.data()},
                 {preprocess.identity(0, test.h, test.w)});
}

double self_test_tolerance(DType precision) {
  return precision == DType::bf16 ? 0.03 : precision == DType::f16 ? 0.004 : 1e-4;
}

SelfTestResult check_self_test(const SelfTest& test, const ModelInfo& info,
                               const std::vector<std::vector<float>>& logits, double tolerance,
                               const std::string& file) {
  SelfTestResult result;
  std::size_t head = 0, label = 0;
  for (std::size_t h = 0; h < test.logits.size(); ++h)
    for (std::size_t i = 0; i < test.logits[h].size(); ++i) {
      const double off = std::fabs(double(logits.at(h).at(i)) - double(test.logits[h][i]));
      result.largest = std::max(result.largest, double(std::fabs(test.logits[h][i])));
      if (off <= result.difference) continue;  // not for NaN
      result.difference = std::isnan(off) ? HUGE_VAL : off, head = h, label = i;
    }
  result.allowed = tolerance * std::max(1.0, result.largest);
  if (result.difference > result.allowed)
    fail(Exit::data,
         fmt::format("{}: self-test failed: head {}, label \"{}\": {:.5g} where {:.5g} was recorded (may differ by "
                     "{:.2g}); the file is damaged, or this machine computes wrongly",
                     file, info.heads[head].name, info.heads[head].labels[label], logits[head][label],
                     test.logits[head][label], result.allowed));
  return result;
}

std::optional<SelfTestResult> run_self_test(const LoadedModel& loaded, Device device, DType precision,
                                            const std::string& file) {
  if (!loaded.self_test) return std::nullopt;
  const Tensor input = self_test_input(*loaded.self_test, loaded.info.preprocess, precision).to(device);
  return check_self_test(*loaded.self_test, loaded.info, answer(*loaded.model, input, Mode::infer),
                         self_test_tolerance(precision), file);
}

}  // namespace pc
