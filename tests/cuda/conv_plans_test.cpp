// Every convolution of ResNet-18, 34 and 50 has a cuDNN engine on an H100 within the workspace cap, asked of cuDNN
// itself with the device described in h100_devprop.json: no GPU is needed, and nothing runs on one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "kernels/conv2d/conv2d.h"
#if PC_HAVE_CUDA
#include "kernels/conv2d/conv2d_graph.h"
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
  bool residual, relu;
};
constexpr Pass kPasses[] = {{"forward", ConvPass::forward, false, false},
                            {"backward data", ConvPass::backward_data, false, false},
                            {"backward weight", ConvPass::backward_weight, false, false},
                            {"infer", ConvPass::infer, false, true},
                            {"infer + residual", ConvPass::infer, true, true}};

// The different convolutions of one network; blocks of the basic kind (18, 34) or bottlenecks (50).
void collect(const Case& size, bool bottleneck, std::set<Conv2dShape>& shapes) {
  const int n = 256;
  Conv2dShape stem{.n = n, .h = size.h, .w = size.w, .c = 3, .k = 64, .r = 7, .s = 7, .stride = 2, .pad = 3};
  shapes.insert(stem);
  int h = (stem.p() + 1) / 2, w = (stem.q() + 1) / 2, c = 64;  // after the max pool
  const auto conv = [&](int from, int to, int filter, int stride) {
    const Conv2dShape s{
        .n = n, .h = h, .w = w, .c = from, .k = to, .r = filter, .s = filter, .stride = stride, .pad = filter / 2};
    shapes.insert(s);
    return s;
  };
  for (int stage = 0; stage < 4; ++stage) {
    const int width = 64 << stage, out = bottleneck ? 4 * width : width;
    for (int block = 0; block < 2; ++block) {
      const int stride = stage > 0 && block == 0 ? 2 : 1;
      if (c != out) conv(c, out, 1, stride);
      if (bottleneck) conv(c, width, 1, 1);
      const Conv2dShape spatial = conv(bottleneck ? width : c, width, 3, stride);
      h = spatial.p(), w = spatial.q(), c = out;
      bottleneck ? conv(width, out, 1, 1) : conv(width, width, 3, 1);
    }
  }
}

CudnnDevice read_h100() {
  std::ifstream file(PC_SOURCE_DIR "/tests/cuda/h100_devprop.json");
  std::stringstream json;
  json << file.rdbuf();
  return CudnnDevice(json.str());
}

class ConvPlans : public testing::TestWithParam<Case> {};

TEST_P(ConvPlans, EveryConvolutionOfTheResNetsHasOne) {
  const CudnnDevice h100 = read_h100();
  std::set<Conv2dShape> shapes;
  collect(GetParam(), false, shapes);
  collect(GetParam(), true, shapes);
  std::size_t largest = 0;
  for (const Conv2dShape& shape : shapes) {
    const Conv2dShape s = conv2d_padded(shape, GetParam().dtype);
    for (const Pass& pass : kPasses) {
      CudnnPolicy policy = conv2d_policy(GetParam().dtype);
      policy.device = &h100;
      const auto plan = conv2d_graph({s, GetParam().dtype, pass.pass, pass.residual, pass.relu}).plan(policy);
      std::printf("%-4s x %d x %3d x %3d x %4d  w %4d x %d x %d / %d  %-16s ", name_of(GetParam().dtype), s.n, s.h, s.w,
                  s.c, s.k, s.r, s.s, s.stride, pass.name);
      if (!plan) {
        std::printf("none\n");
        ADD_FAILURE() << "no engine for the line above";
        continue;
      }
      std::printf("engine %2d  workspace %9zu\n", int(plan->engine()), plan->workspace());
      EXPECT_LE(plan->workspace(), kWorkspaceCap);
      largest = std::max(largest, plan->workspace());
    }
  }
  std::printf("%zu convolutions, largest workspace %zu bytes\n", shapes.size(), largest);
}

INSTANTIATE_TEST_SUITE_P(H100, ConvPlans,
                         testing::Values(Case{DType::bf16, 80, 60}, Case{DType::bf16, 224, 224},
                                         Case{DType::f16, 80, 60}, Case{DType::f16, 224, 224}, Case{DType::f32, 80, 60},
                                         Case{DType::f32, 224, 224}),
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
      const ConvKey key{conv2d_padded(shape, dtype), dtype, pass.pass, pass.residual, pass.relu};
      EXPECT_TRUE(conv2d_graph(key).plan(policy)) << name_of(dtype) << " " << pass.name;
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

TEST(ConvPlans, EveryConvolutionOfTheResNetsHasOne) { GTEST_SKIP() << "built without CUDA"; }

#endif

}  // namespace
}  // namespace pc
