// The self-test of a model file: an image, and the network's logits for it when the file was written. It detects
// damaged weights, and a machine, kernel or precision that gives other results, before the model is used. It is not a
// checksum: one image does not reach every weight; of single exponent bits flipped at random in a ResNet18, about a
// third change its logits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/preprocess.h"
#include "models/classifier.h"
#include "models/self_test_record.h"

namespace pc {

struct ModelInfo;
struct LoadedModel;

// The logits for a small synthetic image, computed on the model's own device. Nothing if a logit is not finite.
std::optional<SelfTest> make_self_test(const Preprocess& preprocess, Classifier& model);

// The network's input: [1, height, width, 3] on the CPU.
Tensor self_test_input(const SelfTest& test, const Preprocess& preprocess, DType dtype);

// The allowed deviation of a logit from the recorded one, relative to the largest recorded logit of all heads (or to 1
// if that is smaller). Errors of L layers add up like a random walk, to sqrt(L) times that of one layer; L is at most
// 101. A layer in f32 sums up to 4,608 products; another order of summation changes the result by 4e-6 of it: 4e-5 in
// all. Winograd and the GPU's order of summation get 2.5 times that: 1e-4. With 16-bit activations each layer rounds
// its result to 2^-9 (bf16) or 2^-12 (f16) of it: 0.02 and 0.0025 in all, with a margin of a half: 0.03 and 0.004.
// ResNet18 on a CPU stays at 1e-6 in f32 and 0.004 in bf16.
double self_test_tolerance(DType precision);

struct SelfTestResult {
  double difference = 0, allowed = 0, largest = 0;  // of the logits: worst deviation, its limit, largest recorded one
};
// Throws Error(data) "FILE: self-test failed: head kind, label "b": -1.25 where 3.5 was recorded …" for the worst
// logit.
SelfTestResult check_self_test(const SelfTest& test, const ModelInfo& info,
                               const std::vector<std::vector<float>>& logits, double tolerance,
                               const std::string& file);

// Runs the self-test on the model, which must be on `device`, in `precision`. Nothing if the file has no self-test.
std::optional<SelfTestResult> run_self_test(const LoadedModel& loaded, Device device, DType precision,
                                            const std::string& file);

}  // namespace pc
