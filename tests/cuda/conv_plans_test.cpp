// Every convolution of every model has a cuDNN engine on an H100 within the workspace cap, asked of cuDNN itself with
// the device described in h100_devprop.json: no GPU is needed, and nothing runs on one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "kernels/conv2d/conv2d.h"
#include "models/classifier.h"
#if PC_HAVE_CUDA
#include "kernels/conv2d/conv2d_graph.h"
#include "models/architectures.h"
#endif

namespace pc {
namespace {

#if PC_HAVE_CUDA

constexpr std::size_t kWorkspaceCap = std::size_t(64) << 20;

struct Case {
  DType dtype;
  int h, w;
};

struct Pass {
  const char* name;
  ConvPass pass;
  bool residual = false;
  Activation activation = Activation::none;
  bool add = false;
};
constexpr Pass kPasses[] = {{"forward", ConvPass::forward},
                            {"backward data", ConvPass::backward_data},
                            {"backward data +=", ConvPass::backward_data, false, Activation::none, true},
                            {"backward weight", ConvPass::backward_weight},
                            {"infer", ConvPass::infer, false, Activation::relu},
                            {"infer + residual", ConvPass::infer, true, Activation::relu}};

// The different convolutions of a ResNet, read off the names and shapes of its filters. Blocks with fewer positions
// than their predecessors halve them in their first 3x3 filter and in the shortcut.
std::set<Conv2dShape> convolutions(const std::string& architecture, const Case& size) {
  struct Map {
    int h, w;
  };
  std::set<Conv2dShape> shapes;
  Map next{size.h, size.w}, block = next;
  bool halves = false, pending = false;
  const auto model = make_classifier(architecture, {{"label", 10}}, std::nullopt);
  model->visit("", [&](const std::string& name, Var& v, Role) {
    const Shape filter = v.shape();
    if (filter.size() != 4) return;
    const bool stem = name == "conv1.weight", shortcut = name.find("downsample") != std::string::npos;
    if (name.ends_with(".conv1.weight")) {
      block = next;
      halves = pending = name.ends_with(".0.conv1.weight") && !name.starts_with("layer1");
    }
    const int r = int(filter[1]);
    const bool strided = stem || (shortcut ? halves : pending && r == 3);
    const Map x = shortcut ? block : next;
    const Conv2dShape s{.n = 256,
                        .h = x.h,
                        .w = x.w,
                        .c = int(filter[3]),
                        .k = int(filter[0]),
                        .r = r,
                        .s = r,
                        .stride = strided ? 2 : 1,
                        .pad = r / 2};
    shapes.insert(s);
    if (strided && !shortcut) pending = false;
    next = stem ? Map{(s.p() + 1) / 2, (s.q() + 1) / 2} : Map{s.p(), s.q()};  // after the stem's max pool
  });
  return shapes;
}

std::string text_of(const Conv2dShape& s) {
  return fmt::format("x {}x{}x{}x{}, w {}x{}x{}, stride {}", s.n, s.h, s.w, s.c, s.k, s.r, s.s, s.stride) +
         (s.pad == Padding(s.pad.top) ? "" : ", pad " + to_string(s.pad)) +
         (s.groups == 1 ? "" : fmt::format(", groups {}", s.groups));
}

CudnnDevice read_h100() {
  std::ifstream file(PC_SOURCE_DIR "/tests/cuda/h100_devprop.json");
  std::stringstream json;
  json << file.rdbuf();
  return CudnnDevice(json.str());
}

class ConvPlans : public testing::TestWithParam<Case> {};

TEST_P(ConvPlans, EveryConvolutionOfEveryModelHasOne) {
  const DType dtype = GetParam().dtype;
  const CudnnDevice h100 = read_h100();
  CudnnPolicy policy = conv2d_policy(dtype);
  policy.device = &h100;
  std::map<std::pair<Conv2dShape, const Pass*>, std::pair<int, std::size_t>> plans;  // engine and workspace
  std::printf("model      type  size     pass              shapes  engines          largest workspace, bytes\n");
  for (const std::string& architecture : architectures()) {
    const std::set<Conv2dShape> shapes = convolutions(architecture, GetParam());
    for (const Pass& pass : kPasses) {
      std::set<int> engines;
      std::size_t largest = 0;
      for (const Conv2dShape& shape : shapes) {
        const auto [at, fresh] = plans.try_emplace({shape, &pass}, -1, 0);
        if (fresh) {
          const ConvKey key{conv2d_padded(shape, dtype), dtype, pass.pass, pass.residual, pass.activation, pass.add};
          const auto plan = conv2d_graph(key).plan(policy);
          if (plan) at->second = {int(plan->engine()), plan->workspace()};
        }
        if (at->second.first < 0)
          ADD_FAILURE() << architecture << ": no engine for the " << pass.name << " pass of " << text_of(shape);
        engines.insert(at->second.first);
        largest = std::max(largest, at->second.second);
      }
      std::string list;
      for (int engine : engines) list += (list.empty() ? "" : " ") + std::to_string(engine);
      std::printf("%-10s %-4s %3dx%-3d   %-16s %7zu  %-16s %10zu\n", architecture.c_str(), name_of(dtype), GetParam().h,
                  GetParam().w, pass.name, shapes.size(), list.c_str(), largest);
      EXPECT_LE(largest, kWorkspaceCap);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(H100, ConvPlans,
                         testing::Values(Case{DType::bf16, 80, 60}, Case{DType::bf16, 96, 96},
                                         Case{DType::bf16, 224, 224}, Case{DType::f16, 80, 60},
                                         Case{DType::f16, 96, 96}, Case{DType::f16, 224, 224}, Case{DType::f32, 80, 60},
                                         Case{DType::f32, 96, 96}, Case{DType::f32, 224, 224}),
                         [](const auto& test) {
                           return std::string(name_of(test.param.dtype)) + "_" + std::to_string(test.param.h);
                         });

// Convolutions that compute batch_norm's sums: cuDNN has them in f16 only, and not for the stem.
class ConvSums : public testing::TestWithParam<Case> {};

TEST_P(ConvSums, EveryConvolutionButTheStemHasAnEngine) {
  const DType dtype = GetParam().dtype;
  const CudnnDevice h100 = read_h100();
  CudnnPolicy policy = conv2d_policy(dtype);
  policy.device = &h100;
  std::printf("x, w                                            type  engine  workspace, bytes\n");
  for (const Conv2dShape& shape : convolutions("resnet18", GetParam())) {
    const CudnnGraph graph = conv2d_graph({conv2d_padded(shape, dtype), dtype, ConvPass::forward_sums});
    const auto plan = graph.plan(policy);
    std::printf("%-47s %-4s %6d %17zu\n", text_of(shape).c_str(), name_of(dtype), plan ? int(plan->engine()) : -1,
                plan ? plan->workspace() : 0);
    EXPECT_EQ(bool(plan), shape.c != 3) << text_of(shape);
    EXPECT_LE(plan ? plan->workspace() : 0, kWorkspaceCap);
  }
}

INSTANTIATE_TEST_SUITE_P(H100, ConvSums,
                         testing::Values(Case{DType::f16, 80, 60}, Case{DType::f16, 96, 96},
                                         Case{DType::f16, 224, 224}),
                         [](const auto& test) { return "f16_" + std::to_string(test.param.h); });

// Convolutions that read x through a norm and ReLU, in all three passes: f16 only. (The stem has no norm before it.)
class NormConvPlans : public testing::TestWithParam<Case> {};

TEST_P(NormConvPlans, EveryConvolutionButTheStemHasAllThree) {
  const DType dtype = GetParam().dtype;
  const CudnnDevice h100 = read_h100();
  CudnnPolicy policy = conv2d_policy(dtype);
  policy.device = &h100;
  std::printf("x, w                                            engine and workspace, bytes: forward, data, weight\n");
  std::set<Conv2dShape> shapes;
  for (const char* architecture : {"resnet18", "resnet50"}) shapes.merge(convolutions(architecture, GetParam()));
  for (const Conv2dShape& shape : shapes) {
    if (shape.c == 3) continue;
    std::string line;
    for (const ConvPass pass : {ConvPass::norm_forward, ConvPass::norm_backward_data, ConvPass::norm_backward_weight}) {
      const auto plan = conv2d_graph({shape, dtype, pass}).plan(policy);
      line += plan ? fmt::format("{:6} {:9}", plan->engine(), plan->workspace()) : "            none";
      EXPECT_EQ(bool(plan), dtype == DType::f16) << text_of(shape) << " pass " << int(pass);
      EXPECT_LE(plan ? plan->workspace() : 0, kWorkspaceCap);
    }
    std::printf("%-47s %s\n", text_of(shape).c_str(), line.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(H100, NormConvPlans,
                         testing::Values(Case{DType::f16, 80, 60}, Case{DType::f16, 96, 96}, Case{DType::f16, 224, 224},
                                         Case{DType::bf16, 96, 96}),
                         [](const auto& test) {
                           return std::string(name_of(test.param.dtype)) + "_" + std::to_string(test.param.h);
                         });

// Odd channels take engines of their own; the planner must find them as well.
TEST(ConvPlan, OddChannelsHaveEngines) {
  const CudnnDevice h100 = read_h100();
  const Conv2dShape shape{.n = 2, .h = 9, .w = 7, .c = 5, .k = 7, .r = 3, .s = 3, .stride = 2, .pad = 1};
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const Pass& pass : kPasses) {
      CudnnPolicy policy = conv2d_policy(dtype);
      policy.device = &h100;
      const ConvKey key{conv2d_padded(shape, dtype), dtype, pass.pass, pass.residual, pass.activation, pass.add};
      EXPECT_TRUE(conv2d_graph(key).plan(policy)) << name_of(dtype) << " " << pass.name;
    }
}

// TensorFlow's "SAME" with stride 2, and four different sides: every pass has an engine, so no padded copy is needed.
TEST(ConvPlan, PaddingMayDifferOnEverySide) {
  const CudnnDevice h100 = read_h100();
  std::printf("x, w                                            type  pass              engine  workspace, bytes\n");
  for (const Conv2dShape& shape :
       {Conv2dShape{.n = 64, .h = 224, .w = 224, .c = 3, .k = 32, .r = 3, .s = 3, .stride = 2, .pad = {0, 1, 0, 1}},
        Conv2dShape{.n = 64, .h = 56, .w = 56, .c = 64, .k = 128, .r = 3, .s = 3, .stride = 2, .pad = {0, 1, 0, 1}},
        Conv2dShape{.n = 64, .h = 57, .w = 56, .c = 64, .k = 128, .r = 5, .s = 5, .stride = 2, .pad = {2, 2, 1, 2}},
        Conv2dShape{.n = 64, .h = 20, .w = 15, .c = 64, .k = 64, .r = 4, .s = 4, .pad = {3, 0, 1, 2}}})
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (const Pass& pass : kPasses) {
        CudnnPolicy policy = conv2d_policy(dtype);
        policy.device = &h100;
        const ConvKey key{conv2d_padded(shape, dtype), dtype, pass.pass, pass.residual, pass.activation, pass.add};
        const auto plan = conv2d_graph(key).plan(policy);
        std::printf("%-47s %-4s  %-16s %7d %17zu\n", text_of(shape).c_str(), name_of(dtype), pass.name,
                    plan ? int(plan->engine()) : -1, plan ? plan->workspace() : 0);
        EXPECT_TRUE(plan) << text_of(shape) << " " << name_of(dtype) << " " << pass.name;
      }
}

// 1 < groups < channels, as in ResNeXt-50 (32 of 4), RegNets (width 8, 16, 24) and odd ones: every pass has an engine
// within the cap. Depthwise convolutions run on our own kernels.
TEST(ConvPlan, GroupsHaveEngines) {
  const CudnnDevice h100 = read_h100();
  std::printf(
      "x, w                                                 type  pass              engine  workspace, bytes\n");
  for (const int n : {32, 256})
    for (const auto& [groups, c, k, size, stride] : {std::tuple{32, 4, 4, 56, 1},
                                                     {32, 8, 8, 56, 2},
                                                     {13, 8, 8, 28, 1},
                                                     {4, 16, 16, 56, 2},
                                                     {5, 24, 24, 28, 1},
                                                     {2, 32, 64, 28, 1},
                                                     {2, 3, 5, 28, 1}})
      for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
        for (const Pass& pass : kPasses) {
          const Conv2dShape shape{.n = n,
                                  .h = size,
                                  .w = size,
                                  .c = groups * c,
                                  .k = groups * k,
                                  .r = 3,
                                  .s = 3,
                                  .stride = stride,
                                  .pad = 1,
                                  .groups = groups};
          CudnnPolicy policy = conv2d_policy(dtype);
          policy.device = &h100;
          const auto plan =
              conv2d_graph({shape, dtype, pass.pass, pass.residual, pass.activation, pass.add}).plan(policy);
          std::printf("%-52s %-4s  %-16s %7d %17zu\n", text_of(shape).c_str(), name_of(dtype), pass.name,
                      plan ? int(plan->engine()) : -1, plan ? plan->workspace() : 0);
          EXPECT_TRUE(plan) << text_of(shape) << " " << name_of(dtype) << " " << pass.name;
        }
}

// What a file of choices rests on: a tag names one engine with its knobs, and finds it again.
TEST(ConvPlan, ATagNamesOneEngine) {
  const CudnnDevice h100 = read_h100();
  const Conv2dShape shape{.n = 256, .h = 56, .w = 56, .c = 64, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1};
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weight}) {
    CudnnPolicy policy = conv2d_policy(DType::bf16);
    policy.device = &h100;
    const CudnnGraph graph = conv2d_graph({shape, DType::bf16, pass});
    std::set<std::string> tags;
    const auto candidates = graph.candidates(policy);
    for (const CudnnCandidate& candidate : candidates) tags.insert(candidate.tag);
    EXPECT_GT(tags.size(), 1u);
    int found = 0;
    for (const CudnnCandidate& candidate : candidates) {
      const auto plan = graph.make(candidate, policy), again = graph.plan(policy, candidate.tag);
      EXPECT_EQ(bool(plan), bool(again)) << candidate.tag;
      if (!plan || !again) continue;
      ++found;
      EXPECT_EQ(again->tag(), candidate.tag);
      EXPECT_EQ(again->engine(), plan->engine());
      EXPECT_EQ(again->workspace(), plan->workspace()) << candidate.tag;
    }
    EXPECT_GT(found, 1);
    EXPECT_FALSE(graph.plan(policy, "0 99=99"));
  }
}

TEST(ConvPlan, AFullWorkspaceIsRefused) {
  const CudnnDevice h100 = read_h100();
  const Conv2dShape shape{.n = 256, .h = 56, .w = 56, .c = 64, .k = 128, .r = 1, .s = 1, .stride = 2};
  const CudnnGraph graph = conv2d_graph({shape, DType::bf16, ConvPass::forward});
  CudnnPolicy policy = conv2d_policy(DType::bf16);
  policy.device = &h100;
  const auto roomy = graph.plan(policy);
  ASSERT_TRUE(roomy);
  ASSERT_GT(roomy->workspace(), 0u) << "this case needs a plan that wants workspace";
  policy.workspace_limit = roomy->workspace() - 1;
  const auto narrow = graph.plan(policy);
  ASSERT_TRUE(narrow);
  EXPECT_LT(narrow->workspace(), roomy->workspace());
}

#else

TEST(ConvPlans, EveryConvolutionOfEveryModelHasOne) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }

#endif

}  // namespace
}  // namespace pc
