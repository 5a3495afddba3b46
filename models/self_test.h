// The self-test of a model file: a picture and what the network answered it when the file was written. Another machine,
// kernel or precision that answers otherwise, and a file with damaged weights, is found before it answers anybody.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/preprocess.h"
#include "models/classifier.h"

namespace pc {

struct ModelInfo;
struct LoadedModel;

struct SelfTest {
  int h = 0, w = 0;
  std::vector<uint8_t> pixels;             // h x w x 3, RGB, as a decoder gives them
  std::vector<std::vector<float>> logits;  // per head, computed in f32
};

// The answer to a small made-up picture, on the model's own device. Nothing where a logit is not finite.
std::optional<SelfTest> make_self_test(const Preprocess& preprocess, Classifier& model);

// The network's input: [1, height, width, 3] on the CPU.
Tensor self_test_input(const SelfTest& test, const Preprocess& preprocess, DType dtype);

// How far a logit may be from the recorded one, as a share of the largest recorded one of all heads (or of 1 where that
// is smaller). Errors of L layers add up like a random walk, to sqrt(L) times that of one; L is 101 at most. A layer in
// f32 sums up to 4,608 products, another order of which changes 4e-6 of the result: 4e-5 in all, and Winograd's and the
// GPU's ways of summing have as much again and a half: 1e-4. With 16-bit activations each layer rounds its result to
// 2^-9 (bf16) or 2^-12 (f16) of it: 0.02 and 0.0025 in all, again with a margin of a half: 0.03 and 0.004. ResNet18 on
// a CPU stays at 1e-6 in f32 and 0.004 in bf16.
double self_test_tolerance(DType precision);

struct SelfTestResult {
  double difference = 0, allowed = 0, largest = 0;  // of the logits: worst deviation, its limit, largest recorded one
};
// Throws Error(data) "FILE: self-test failed: head kind, label "b": -1.25 where 3.5 was recorded …" for the worst
// logit.
SelfTestResult check_self_test(const SelfTest& test, const ModelInfo& info,
                               const std::vector<std::vector<float>>& logits, double tolerance,
                               const std::string& file);

// Has the model, which lies on `device`, answer its picture in `precision`. Nothing where the file has no self-test.
std::optional<SelfTestResult> run_self_test(const LoadedModel& loaded, Device device, DType precision,
                                            const std::string& file);

// {"height", "width", "pixels": [0 … 255, …], "logits": {HEAD: […]}}
nlohmann::json to_json(const SelfTest& test, const std::vector<HeadShape>& heads);
// Throws std::exception where it does not fit the heads.
SelfTest self_test_from_json(const nlohmann::json& j, const std::vector<HeadShape>& heads);

}  // namespace pc
