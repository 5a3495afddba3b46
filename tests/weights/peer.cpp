#include "tests/weights/peer.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "data/cache_folder.h"
#include "kernels/base/random.h"

namespace pc::test {
namespace {

const std::string script = PC_SOURCE_DIR "/tests/weights/onnx_logits.py";

float uniform(std::size_t member, int64_t i, float low, float high) {
  return low + (high - low) * float(philox(7, member, uint64_t(i)).word[0]) / 4294967296.0f;
}

}  // namespace

std::string Peer::python_with(const std::string& modules) const {
  const char* named = std::getenv("PC_ORACLE_PYTHON");
  const std::string made = (data::default_cache_folder() / "oracles" / "bin" / "python3").string();
  for (const std::string& candidate : {std::string(named ? named : ""), made, std::string("/usr/bin/python3")})
    if (!candidate.empty() && shell(fmt::format("{} -c 'import {}'", candidate, modules)).code == 0) return candidate;
  return "";
}

std::string Onnx::python() const { return python_with("numpy, onnxruntime"); }

std::string Peer::given(const std::string& name, const void* data, std::size_t bytes, const Shape& shape) const {
  write_file_atomically(path(name), std::string_view(static_cast<const char*>(data), bytes));
  return fmt::format("'{}:{}'", path(name), fmt::join(shape, ","));
}

nlohmann::json Onnx::run_onnx(const std::string& model, const std::vector<std::string>& inputs) const {
  const Result r = shell(fmt::format("{} {} {} {}", python(), script, model, fmt::join(inputs, " ")));
  EXPECT_EQ(r.code, 0) << r.err;
  return r.code == 0 ? nlohmann::json::parse(r.out) : nlohmann::json();
}

std::vector<float> Peer::floats_of(const std::string& name) const {
  const std::string bytes = read_file(path(name));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<float> planes(const Tensor& nhwc) {
  const std::vector<float> in = nhwc.to_vector<float>();
  const int64_t hw = nhwc.dim(1) * nhwc.dim(2);
  std::vector<float> out(in.size());
  for (int64_t n = 0; n < nhwc.dim(0); ++n)
    for (int64_t i = 0; i < hw; ++i)
      for (int64_t c = 0; c < 3; ++c) out[std::size_t((n * 3 + c) * hw + i)] = in[std::size_t((n * hw + i) * 3 + c)];
  return out;
}

ModelInfo info_of(const std::string& architecture, int height, int width) {
  ModelInfo info;
  info.architecture = architecture;
  info.heads = {{"kind", {"a", "b", "c"}}, {"base colour", {"red", "Grün", "other \"x\"", "blue"}}};
  info.preprocess = {.height = height, .width = width, .resize = Resize::pad, .fill = {250, 128, 3}};
  return info;
}

LoadedModel lively_model(const ModelInfo& info) {
  LoadedModel made{.info = info, .model = make_classifier(info.architecture, info.head_shapes(), 11)};
  std::size_t member = 0;
  made.model->visit("", [&](const std::string& name, Var& value, Role) {
    ++member;
    const Tensor& t = value.value();
    if (t.rank() != 1 || is_head(name)) return;
    // Small scales: with 33 blocks in a row the sums grow.
    const auto [low, high] = name.ends_with("running_mean")  ? std::pair{-0.3f, 0.3f}
                             : name.ends_with("running_var") ? std::pair{0.5f, 1.5f}
                             : name.ends_with("bias")        ? std::pair{-0.2f, 0.4f}
                                                             : std::pair{0.3f, 0.7f};
    for (int64_t i = 0; i < t.size(); ++i) t.as<float>()[i] = uniform(member, i, low, high);
  });
  return made;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;  // NaN too
  }
  return largest;
}

}  // namespace pc::test
