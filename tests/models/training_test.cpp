// Whole training steps: 16-bit against 32-bit, the same bits with any number of threads.
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "engine/replay.h"
#include "kernels/base/parallel.h"
#include "tests/models/support.h"

namespace pc {
namespace {

struct Step {
  float loss;
  std::vector<float> gradient;
};

Step one_step(DType dtype, Device device, int h = 80, int w = 60) {
  const auto model = test::formula_model("resnet18", {{"label", 10}}, device);
  const Tensor x = test::as(test::pictures(3, 8, h, w), dtype, device);
  Step step{.loss = test::train_pass(*model, x, {0, 1, 2, 3, 4, 5, 6, 7}, 0.05f), .gradient = {}};
  model->visit("", [&](const std::string& name, Var& v, Role role) {
    if (role != Role::parameter) return;
    EXPECT_EQ(v.grad().dtype(), DType::f32) << name;
    const auto g = v.grad().to_vector<float>();
    step.gradient.insert(step.gradient.end(), g.begin(), g.end());
  });
  return step;
}

// The images in the form of augment's output on this device: padded if conv2d would pad them.
Tensor as_augmented(const Tensor& x) {
  const int64_t channels = picture_channels(x.device(), x.dtype()), pixels = x.size() / 3;
  const std::vector<float> values = x.to_vector<float>();
  std::vector<float> padded(std::size_t(pixels * channels));
  for (std::size_t i = 0; i < values.size(); ++i) padded[i / 3 * std::size_t(channels) + i % 3] = values[i];
  return test::as(Tensor::from({x.dim(0), x.dim(1), x.dim(2), channels}, padded), x.dtype(), x.device());
}

class Padded : public testing::TestWithParam<DType> {};

TEST_P(Padded, PicturesMakeTheSameStepToTheBit) {
  PC_NEEDS(Device::cuda);
  const auto weights_after = [&](bool padded) {
    const auto model = make_classifier("resnet18", {{"a", 10}, {"b", 4}}, 7);
    move_to(*model, Device::cuda);
    Optimizer optimizer(*model, {});
    Tensor x = test::as(test::pictures(2, 4, 32, 24), GetParam(), Device::cuda);
    if (padded) x = as_augmented(x);
    EXPECT_EQ(x.dim(3), padded ? 8 : 3);
    test::train_step(*model, optimizer, x, {0, 3, -1, 2}, 0.01f, 0.05f);
    std::vector<float> all = test::weights_of(*model);
    for (const Mode mode : {Mode::eval, Mode::infer}) {
      const auto logits = model->forward(Var(x), mode)[0].value().to_vector<float>();
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  };
  EXPECT_TRUE(weights_after(true) == weights_after(false));
}

INSTANTIATE_TEST_SUITE_P(Models, Padded, testing::Values(DType::bf16, DType::f16),
                         [](const auto& p) { return std::string(name_of(p.param)) + "_cuda"; });

class Fused : public testing::TestWithParam<Fusions> {};

// What the f16 fusions change stays as near to the step in f32 as the step without them, and it is another one.
TEST_P(Fused, GpuStepIsNearTheOneInF32) {
  PC_NEEDS(Device::cuda);
  const Step exact = one_step(DType::f32, Device::cuda, 32, 24), own = one_step(DType::f16, Device::cuda, 32, 24);
  fusions() = GetParam();
  const Step fused = one_step(DType::f16, Device::cuda, 32, 24);
  fusions() = {};
  const double before = test::distance(own.gradient, exact.gradient),
               after = test::distance(fused.gradient, exact.gradient),
               between = test::distance(fused.gradient, own.gradient);
  std::printf("gradients in f16: %.4f from f32's, fused %.4f; %.4f from each other\n", before, after, between);
  EXPECT_NEAR(fused.loss, exact.loss, 0.005 * exact.loss);
  EXPECT_LT(after, 1.5 * before);
  EXPECT_GT(between, 0) << "was anything fused?";
}

std::string name_of_fusions(const Fusions& f) {
  return std::string(f.persistent_norm ? "_persistent" : "") + (f.conv_sums ? "_sums" : "") +
         (f.norm_conv ? "_norm" : "");
}

INSTANTIATE_TEST_SUITE_P(Models, Fused,
                         testing::Values(Fusions{.conv_sums = true}, Fusions{.norm_conv = true},
                                         Fusions{.conv_sums = true, .norm_conv = true}),
                         [](const auto& p) { return "cuda" + name_of_fusions(p.param); });

// The dtype and the requires_grad flags with which a norm is fused into the next convolution.
TEST(FusedBlocks, GpuEachNormBetweenTwoConvolutionsIsPartOfTheSecond) {
  PC_NEEDS(Device::cuda);
  const auto fused_ops = [](DType dtype, Mode mode, bool frozen, const Fusions& which) {
    const auto model = test::formula_model("resnet18", {{"label", 4}}, Device::cuda);
    if (frozen)
      model->visit("", [](const std::string& name, Var& v, Role) {
        if (stages_above(name) > 2) v.set_requires_grad(false);
      });
    fusions() = which;
    const std::vector<Var> logits =
        model->forward(Var(test::as(test::pictures(3, 2, 32, 32), dtype, Device::cuda)), mode);
    fusions() = {};
    int count = 0;
    for (const Record& record : records(logits)) count += std::string(record.op) == "norm_conv";
    return count;
  };
  const Fusions on{.norm_conv = true};
  EXPECT_EQ(fused_ops(DType::f16, Mode::train, false, on), 8);
  EXPECT_EQ(fused_ops(DType::f16, Mode::train, true, on), 4) << "the last two of four stages learn";
  EXPECT_EQ(fused_ops(DType::f16, Mode::train, false, {}), 0);
  EXPECT_EQ(fused_ops(DType::f16, Mode::eval, false, on), 0);
  EXPECT_EQ(fused_ops(DType::bf16, Mode::train, false, on), 0);
}

class Bf16 : public testing::TestWithParam<Device> {};

// bf16 keeps 8 bits, and a random network magnifies what they lose: PyTorch's bf16 autocast is 0.32 from its f32 on
// this very step (loss 2.4966 against 2.5069).
TEST_P(Bf16, AStepIsNearTheOneInF32) {
  PC_NEEDS(GetParam());
  const Step exact = one_step(DType::f32, GetParam()), rough = one_step(DType::bf16, GetParam());
  EXPECT_NEAR(rough.loss, exact.loss, 0.02 * exact.loss);
  EXPECT_LT(test::distance(rough.gradient, exact.gradient), 0.45);
  EXPECT_GT(test::distance(rough.gradient, exact.gradient), 1e-5) << "was it bf16 at all?";
}

INSTANTIATE_TEST_SUITE_P(Models, Bf16, testing::Values(Device::cpu, Device::cuda),
                         [](const auto& p) { return name_of(p.param); });

// A step recorded as a graph and repeated gives the same bits as single calls, with other images and another rate
// every time, and after an overflow that the scaler found by itself.
class Recorded : public testing::TestWithParam<std::tuple<std::string, DType, Fusions>> {};

// A stem and a bottleneck as ResNet has them, on few channels.
class Chain : public Classifier {
 public:
  explicit Chain(const std::vector<HeadShape>& heads) : Classifier(heads) { make_heads(16, init_); }
  Var features(const Var& x, Mode mode) override {
    const Var map = stem_.forward(x, Var(), Activation::relu, mode);
    return last_.forward(second_.begin(first_.begin(map, mode), mode), map, Activation::relu, mode);
  }
  MapGrid map_grid() const override { return {}; }
  void only_infer() override {}
  void visit(const std::string& prefix, const Visitor& visitor) override {
    int i = 0;
    for (ConvBn* layer : {&stem_, &first_, &second_, &last_}) {
      const std::string name = join(prefix, "layer" + std::to_string(++i));
      layer->visit(join(name, "conv"), join(name, "bn"), visitor);
    }
    visit_heads(prefix, visitor);
  }

 private:
  Initializer init_{.seed = 1};
  ConvBn stem_{{.in = 3, .out = 16, .kernel_size = 3, .stride = 2, .pad = 1}, init_},
      first_{{.in = 16, .out = 8, .kernel_size = 1}, init_},
      second_{{.in = 8, .out = 8, .kernel_size = 3, .pad = 1}, init_},
      last_{{.in = 8, .out = 16, .kernel_size = 1}, init_};
};

struct Trained {
  std::vector<float> weights;
  GradScalerState scaler;
};

Trained train_recorded(const std::string& kind, DType dtype, bool recorded) {
  const Device device = Device::cuda;
  const std::vector<HeadShape> heads{{"label", 4}};
  const std::unique_ptr<Classifier> model =
      fusions().norm_conv ? std::make_unique<Chain>(heads) : make_classifier("smallcnn", heads, 1);
  move_to(*model, device);
  OptimizerOptions options{.kind = kind};
  options.gradients = {.dynamic = true, .clip = 2};
  Optimizer optimizer(*model, options);
  optimizer.set_state({.scale = 1024});
  Tensor weight = Tensor::full({1}, 1, device), lr = Tensor::full({}, 0, device);
  Tensor x({4, 16, 16, 3}, dtype, device);
  const Targets targets = Targets::of({0, 1, 2, 3}, device);
  Replay step(device, recorded);
  for (int i = 0; i < 7; ++i) {
    lr.copy_from(Tensor::full({}, i < 2 ? 1e-3f : 1e-3f / float(i), Device::cpu));
    weight.copy_from(Tensor::full({1}, i == 5 ? std::numeric_limits<float>::infinity() : 1, Device::cpu));
    x.copy_from(test::as(test::pictures(uint64_t(i), 4, 16, 16), dtype, Device::cpu));
    step.run([&] {
      const Var loss = cross_entropy(model->forward(Var(x), Mode::train)[0], targets, 0.1f);
      backward({loss}, optimizer.seeds(weight));
      optimizer.step(lr);
    });
    EXPECT_EQ(step.recorded(), recorded && i >= 3) << "step " << i;
  }
  return {.weights = test::weights_of(*model), .scaler = optimizer.state()};
}

TEST_P(Recorded, DoesWhatSingleCallsDo) {
  PC_NEEDS(Device::cuda);
  const auto& [kind, dtype, changed] = GetParam();
  fusions() = changed;
  const Trained want = train_recorded(kind, dtype, false), got = train_recorded(kind, dtype, true);
  fusions() = {};
  EXPECT_EQ(want.scaler.scale, 512);
  EXPECT_EQ(want.scaler.updates, 6);
  EXPECT_EQ(got.scaler.scale, want.scaler.scale);
  EXPECT_EQ(got.scaler.updates, want.scaler.updates);
  EXPECT_EQ(got.scaler.norm, want.scaler.norm);
  EXPECT_TRUE(got.weights == want.weights);
}

INSTANTIATE_TEST_SUITE_P(Models, Recorded,
                         testing::Values(std::tuple("sgd", DType::f32, Fusions{}),
                                         std::tuple("adamw", DType::bf16, Fusions{}),
                                         std::tuple("sgd", DType::bf16, Fusions{.persistent_norm = true}),
                                         std::tuple("sgd", DType::f16, Fusions{.conv_sums = true}),
                                         std::tuple("sgd", DType::f16, Fusions{.conv_sums = true, .norm_conv = true})),
                         [](const auto& p) {
                           return std::get<0>(p.param) + "_" + name_of(std::get<1>(p.param)) +
                                  name_of_fusions(std::get<2>(p.param)) + "_cuda";
                         });

// Weights, statistics and momenta after three steps.
std::vector<float> three_steps(const std::string& architecture, const std::string& optimizer_kind, DType dtype,
                               int threads) {
  const int before = thread_count();
  set_thread_count(threads);
  const auto model = make_classifier(architecture, {{"a", 10}, {"b", 4}}, 7);
  Optimizer optimizer(*model, {.kind = optimizer_kind});
  const Tensor x = test::as(test::pictures(2, 5, 80, 60), dtype);
  for (int i = 0; i < 3; ++i) test::train_step(*model, optimizer, x, {0, 3, -1, 2, 1}, 0.01f, 0.05f);
  std::vector<float> all = test::weights_of(*model);
  optimizer.visit([&](const std::string&, Var& v, Role) {
    const auto values = v.value().to_vector<float>();
    all.insert(all.end(), values.begin(), values.end());
  });
  set_thread_count(before);
  return all;
}

class Threads : public testing::TestWithParam<std::tuple<const char*, const char*, DType>> {};

TEST_P(Threads, OneAndTwoGiveTheSameBits) {
  const auto [architecture, kind, dtype] = GetParam();
  const auto one = three_steps(architecture, kind, dtype, 1), two = three_steps(architecture, kind, dtype, 2);
  ASSERT_EQ(one.size(), two.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    different += std::bit_cast<uint32_t>(one[i]) != std::bit_cast<uint32_t>(two[i]);
  EXPECT_EQ(different, 0u) << "of " << one.size() << " numbers";
  for (float v : one) ASSERT_TRUE(std::isfinite(v));
}

INSTANTIATE_TEST_SUITE_P(Models, Threads,
                         testing::Values(std::tuple{"resnet18", "sgd", DType::f32},
                                         std::tuple{"resnet18", "adamw", DType::bf16},
                                         std::tuple{"resnet50", "sgd", DType::f32}),
                         [](const auto& p) {
                           return std::string(std::get<0>(p.param)) + "_" + std::get<1>(p.param) + "_" +
                                  name_of(std::get<2>(p.param));
                         });

// Steps must not hold more memory than the one before: records, gradients and copies are all given back.
TEST(Training, AStepGivesItsMemoryBack) {
  const auto model = test::formula_model("resnet18", {{"label", 10}});
  Optimizer optimizer(*model, {});
  const Tensor x = test::as(test::pictures(2, 4, 32, 32), DType::bf16);
  std::vector<std::size_t> in_use;
  for (int i = 0; i < 3; ++i) {
    test::train_step(*model, optimizer, x, {0, 1, 2, 3}, 0.01f);
    in_use.push_back(memory::stats(Device::cpu).in_use);
  }
  EXPECT_EQ(in_use[1], in_use[0]);
  EXPECT_EQ(in_use[2], in_use[0]);
}

// A batch without any label: loss 0 and no change but the statistics'.
TEST(Training, ABatchWithoutLabelsTeachesNothing) {
  const auto model = test::formula_model("resnet18", {{"label", 10}});
  EXPECT_EQ(test::train_pass(*model, test::pictures(2, 2, 32, 32), {-1, -1}), 0);
  model->visit("", [](const std::string& name, Var& v, Role role) {
    if (role != Role::parameter) return;
    for (float g : v.grad().to_vector<float>()) ASSERT_EQ(g, 0) << name;
  });
}

}  // namespace
}  // namespace pc
