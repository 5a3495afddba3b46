// conv2d against loops in f64: every direction, both element types, threads, and the GPU against the CPU.
#include <algorithm>
#include <limits>

#include "tests/ops/conv2d_reference.h"
#include "tests/support.h"

namespace pc::test {
namespace {

constexpr Fused kFused[] = {
    {false, false, Activation::none},    {true, true, Activation::none},         {true, true, Activation::relu},
    {true, false, Activation::relu},     {false, false, Activation::relu6},      {true, false, Activation::silu},
    {true, true, Activation::hardswish}, {true, false, Activation::hardsigmoid}, {true, true, Activation::sigmoid},
    {true, false, Activation::gelu},     {false, true, Activation::gelu_tanh}};

TEST_P(Conv2d, EveryPass) {
  const Reference y = reference_y(s, x, w), dx = reference_dx(s, dy, w), dw = reference_dw(s, x, dy);
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(forward(Device::cpu, t, s, x, w), y, t);
    expect_close(backward_data(Device::cpu, t, s, dy, w), dx, t);
    expect_close(backward_data_add(Device::cpu, t, s, dy, w, x), reference_sum(dx, x),
                 t);  // one rounding: two would not fit
    expect_close(backward_weight(Device::cpu, t, s, x, dy), dw, DType::f32);
    for (const Fused f : kFused) {
      SCOPED_TRACE(std::string(f.bias ? "bias " : "") + (f.residual ? "residual " : "") + name_of(f.activation));
      expect_close(infer(Device::cpu, t, s, s, f, x, w, bias, dy), fused(y, f, bias, dy), t);
    }
  }
}

TEST_P(Conv2d, BothGradientsAreThoseOfEachPass) {
  const Gradients both = backward(Device::cpu, DType::bf16, s, x, w, dy);
  expect_equal_bits(both.dx, backward_data(Device::cpu, DType::bf16, s, dy, w));
  expect_equal_bits(both.dw, backward_weight(Device::cpu, DType::bf16, s, x, dy));
}

TEST_P(Conv2d, ThreadsDoNotChangeBits) {
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    std::vector<Numbers> first;
    for (int threads : {1, 2, 3}) {
      const Threads guard(threads);
      const std::vector<Numbers> results{forward(Device::cpu, t, s, x, w), backward_data(Device::cpu, t, s, dy, w),
                                         backward_data_add(Device::cpu, t, s, dy, w, x),
                                         backward_weight(Device::cpu, t, s, x, dy),
                                         infer(Device::cpu, t, s, s, {true, true, Activation::relu}, x, w, bias, dy)};
      if (first.empty()) first = results;
      for (std::size_t i = 0; i < results.size(); ++i) {
        SCOPED_TRACE(std::to_string(threads) + " threads, result " + std::to_string(i));
        expect_equal_bits(results[i], first[i]);
      }
    }
  }
}

#if PC_HAVE_CUDA
// On the GPU dw is computed in the type of x and cast to f32.
TEST_P(Conv2d, CudaAgrees) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  const Reference y = reference_y(s, x, w), dx = reference_dx(s, dy, w), dw = reference_dw(s, x, dy);
  for (DType t : {DType::f32, DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(forward(Device::cuda, t, s, x, w), y, t);
    expect_close(backward_data(Device::cuda, t, s, dy, w), dx, t);
    expect_close(backward_data_add(Device::cuda, t, s, dy, w, x), reference_sum(dx, x), t);
    expect_close(backward_weight(Device::cuda, t, s, x, dy), dw, t);
    const Gradients both = backward(Device::cuda, t, s, x, w, dy);
    expect_close(both.dx, dx, t);
    expect_close(both.dw, dw, t);
    for (const Fused f : kFused) {
      Reference want = fused(y, f, bias, dy);
      // cuDNN stores the convolution before an activation that its engines do not have, whose slope is at most 1.5.
      if (f.activation > Activation::relu && !s.depthwise())
        for (std::size_t i = 0; i < y.value.size(); ++i)
          want.magnitude[i] += 1.5e5 * rounding_of(t) * std::fabs(y.value[i]);
      expect_close(infer(Device::cuda, t, s, s, f, x, w, bias, dy), want, t);
    }
  }
}

// Rows of `from` numbers as rows of `to`: cut off, or filled with ones.
Numbers refitted(const Numbers& x, int from, int to) {
  Numbers y;
  for (std::size_t i = 0; i < x.size(); i += std::size_t(from))
    for (int c = 0; c < to; ++c) y.push_back(c < from ? x[i + std::size_t(c)] : 1.0f);
  return y;
}

// x padded to the device's best_channels: the same bits, whatever the values of the additional channels.
TEST_P(Conv2d, CudaTakesPaddedPictures) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  if (s.groups > 1) GTEST_SKIP() << "groups are not padded";
  for (DType t : {DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(t));
    Conv2dShape padded = s;
    padded.x_c = conv2d_cuda.best_channels(s.c, t);
    EXPECT_EQ(padded.x_c % 8, 0);
    const Numbers more = refitted(x, s.c, padded.x_c);
    expect_equal_bits(forward(Device::cuda, t, padded, more, w), forward(Device::cuda, t, s, x, w));
    expect_equal_bits(backward_weight(Device::cuda, t, padded, more, dy), backward_weight(Device::cuda, t, s, x, dy));
    expect_equal_bits(refitted(backward_data(Device::cuda, t, padded, dy, w), padded.x_c, s.c),
                      backward_data(Device::cuda, t, s, dy, w));
    expect_equal_bits(refitted(backward_data_add(Device::cuda, t, padded, dy, w, more), padded.x_c, s.c),
                      backward_data_add(Device::cuda, t, s, dy, w, x));
    const Fused f{true, true, Activation::relu};
    expect_equal_bits(infer(Device::cuda, t, padded, padded, f, more, w, bias, dy),
                      infer(Device::cuda, t, s, s, f, x, w, bias, dy));
  }
}

TEST_P(Conv2d, CudaLeavesTheSums) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  const Reference y = reference_y(s, x, w);
  Reference sums(std::size_t(s.k) * 2);
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    sums.add(i % std::size_t(s.k), y.value[i]);
    sums.add(std::size_t(s.k) + i % std::size_t(s.k), y.value[i] * y.value[i]);
  }
  for (DType t : {DType::f32, DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(t));
    const Block bx(Device::cuda, t, x), bw(Device::cuda, t, w), by(Device::cuda, t, y_size(s)),
        both(Device::cuda, DType::f32, std::size_t(s.k) * 2);
    const bool can = t == DType::f16 && s.groups == 1 && s.c % 8 == 0 && s.k % 8 == 0;
    ASSERT_EQ(conv2d_cuda.forward_sums(s, t, bx.data(), bw.data(), by.data(), static_cast<float*>(both.data())), can);
    if (!can) continue;
    expect_equal_bits(by.read(), forward(Device::cuda, t, s, x, w));
    expect_close(both.read(), sums, DType::f16);
  }
}
#else
TEST_P(Conv2d, CudaLeavesTheSums) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }
TEST_P(Conv2d, CudaTakesPaddedPictures) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }
TEST_P(Conv2d, CudaAgrees) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }
#endif

std::string name_of_case(const testing::TestParamInfo<Conv2dCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Shapes, Conv2d,
    testing::Values(
        Conv2dCase{"stem", {.n = 3, .h = 26, .w = 22, .c = 3, .k = 64, .r = 7, .s = 7, .stride = 2, .pad = 3}},
        Conv2dCase{"stem_wide", {.n = 1, .h = 16, .w = 90, .c = 3, .k = 40, .r = 7, .s = 7, .stride = 2, .pad = 3}},
        Conv2dCase{"gray_5x5", {.n = 2, .h = 12, .w = 11, .c = 1, .k = 20, .r = 5, .s = 5, .stride = 1, .pad = 2}},
        Conv2dCase{"layer1", {.n = 2, .h = 20, .w = 15, .c = 64, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"tiles_of_four",
                   {.n = 1, .h = 19, .w = 23, .c = 32, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"odd_map", {.n = 3, .h = 11, .w = 13, .c = 48, .k = 96, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"layer2_down", {.n = 2, .h = 20, .w = 15, .c = 64, .k = 128, .r = 3, .s = 3, .stride = 2, .pad = 1}},
        Conv2dCase{"layer2_shortcut",
                   {.n = 2, .h = 20, .w = 15, .c = 64, .k = 128, .r = 1, .s = 1, .stride = 2, .pad = 0}},
        Conv2dCase{"layer3", {.n = 3, .h = 5, .w = 4, .c = 256, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"layer4_down", {.n = 5, .h = 5, .w = 4, .c = 64, .k = 192, .r = 3, .s = 3, .stride = 2, .pad = 1}},
        Conv2dCase{"layer4", {.n = 5, .h = 3, .w = 2, .c = 160, .k = 96, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"layer4_one_picture",
                   {.n = 1, .h = 3, .w = 2, .c = 128, .k = 128, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"pointwise", {.n = 3, .h = 7, .w = 5, .c = 48, .k = 80, .r = 1, .s = 1, .stride = 1, .pad = 0}},
        Conv2dCase{"odd_channels", {.n = 2, .h = 9, .w = 7, .c = 19, .k = 21, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"odd_strided", {.n = 2, .h = 9, .w = 8, .c = 33, .k = 17, .r = 3, .s = 3, .stride = 2, .pad = 0}},
        Conv2dCase{"few_channels", {.n = 2, .h = 8, .w = 9, .c = 5, .k = 7, .r = 3, .s = 2, .stride = 1, .pad = 2}},
        Conv2dCase{"one_pixel", {.n = 4, .h = 1, .w = 1, .c = 32, .k = 48, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Conv2dCase{"unused_border", {.n = 1, .h = 8, .w = 10, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 2, .pad = 0}},
        Conv2dCase{"gaps", {.n = 2, .h = 10, .w = 11, .c = 16, .k = 24, .r = 2, .s = 2, .stride = 3, .pad = 1}},
        Conv2dCase{"same_even",
                   {.n = 2, .h = 8, .w = 6, .c = 16, .k = 24, .r = 3, .s = 3, .stride = 2, .pad = {0, 1, 0, 1}}},
        Conv2dCase{"same_odd_and_even",
                   {.n = 2, .h = 7, .w = 8, .c = 24, .k = 16, .r = 5, .s = 5, .stride = 2, .pad = {2, 2, 1, 2}}},
        Conv2dCase{"same_stem",
                   {.n = 2, .h = 12, .w = 11, .c = 3, .k = 40, .r = 3, .s = 3, .stride = 2, .pad = {0, 1, 1, 1}}},
        Conv2dCase{"four_sides", {.n = 2, .h = 6, .w = 5, .c = 8, .k = 8, .r = 3, .s = 4, .pad = {1, 3, 2, 0}}},
        Conv2dCase{"two_groups",
                   {.n = 2, .h = 8, .w = 7, .c = 32, .k = 48, .r = 3, .s = 3, .stride = 2, .pad = 1, .groups = 2}},
        Conv2dCase{"eight_groups", {.n = 2, .h = 7, .w = 6, .c = 64, .k = 64, .r = 3, .s = 3, .pad = 1, .groups = 8}},
        Conv2dCase{"multiplier", {.n = 2, .h = 6, .w = 5, .c = 8, .k = 16, .r = 3, .s = 3, .pad = 1, .groups = 8}},
        Conv2dCase{"depthwise_3x3",
                   {.n = 2, .h = 9, .w = 13, .c = 40, .k = 40, .r = 3, .s = 3, .pad = 1, .groups = 40}},
        Conv2dCase{"depthwise_3x3_same",
                   {.n = 2,
                    .h = 8,
                    .w = 10,
                    .c = 24,
                    .k = 24,
                    .r = 3,
                    .s = 3,
                    .stride = 2,
                    .pad = {0, 1, 0, 1},
                    .groups = 24}},
        Conv2dCase{"depthwise_5x5",
                   {.n = 2, .h = 7, .w = 12, .c = 16, .k = 16, .r = 5, .s = 5, .pad = 2, .groups = 16}},
        Conv2dCase{
            "depthwise_5x5_same",
            {.n = 2, .h = 7, .w = 6, .c = 16, .k = 16, .r = 5, .s = 5, .stride = 2, .pad = {2, 2, 1, 2}, .groups = 16}},
        Conv2dCase{"depthwise_7x7", {.n = 1, .h = 9, .w = 8, .c = 16, .k = 16, .r = 7, .s = 7, .pad = 3, .groups = 16}},
        Conv2dCase{"depthwise_7x7_strided",
                   {.n = 1, .h = 9, .w = 12, .c = 16, .k = 16, .r = 7, .s = 7, .stride = 2, .pad = 3, .groups = 16}},
        Conv2dCase{"depthwise_odd",
                   {.n = 2, .h = 5, .w = 6, .c = 19, .k = 19, .r = 3, .s = 2, .stride = 3, .pad = 1, .groups = 19}},
        Conv2dCase{"deep_pad", {.n = 1, .h = 3, .w = 2, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 3}}),
    name_of_case);

// The result for an image must not depend on the other images of the batch.
TEST(Conv2dFilter, APictureGivesTheSameBitsInAnyBatch) {
  for (const int height : {3, 10, 20}) {  // by the definition, F(2x2) and F(4x4)
    Conv2dShape s{.n = 9, .h = height, .w = 15, .c = 64, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1};
    const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), bias = numbers(64, 3);
    const Numbers all = infer(Device::cpu, DType::f32, s, s, {true, false, Activation::relu}, x, w, bias, {});
    s.n = 1;
    for (std::size_t i = 0; i < 9; ++i) {
      SCOPED_TRACE(std::to_string(height) + " rows, picture " + std::to_string(i));
      const auto part = [i](const Numbers& v, std::size_t size) {
        return Numbers(v.begin() + std::ptrdiff_t(i * size), v.begin() + std::ptrdiff_t((i + 1) * size));
      };
      expect_equal_bits(
          infer(Device::cpu, DType::f32, s, s, {true, false, Activation::relu}, part(x, x_size(s)), w, bias, {}),
          part(all, y_size(s)));
    }
  }
}

TEST(Conv2dChecks, EmptyBatch) {
  const Conv2dShape s{.n = 0, .h = 3, .w = 2, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1};
  float nothing = 7;
  conv2d_cpu.forward(s, DType::f32, &nothing, &nothing, nullptr, &nothing);
  conv2d_cpu.backward_data(s, DType::f32, &nothing, &nothing, false, &nothing);
  EXPECT_EQ(nothing, 7);
  Numbers dw(w_size(s), 7.0f);
  conv2d_cpu.backward_weight(s, DType::f32, &nothing, &nothing, dw.data());
  EXPECT_EQ(dw, Numbers(w_size(s), 0.0f));  // a sum without terms
}

TEST(Conv2dChecks, TheCpuTakesNoPaddedPictures) {
  EXPECT_EQ(conv2d_cpu.best_channels(3, DType::bf16), 3);
  float nothing = 0;
  EXPECT_THROW(conv2d_cpu.forward({.n = 1, .h = 3, .w = 2, .c = 3, .k = 16, .r = 1, .s = 1, .x_c = 8}, DType::f32,
                                  &nothing, &nothing, nullptr, &nothing),
               std::logic_error);
}

// What is not finite stays with its channel and its neighbors, and comes from no pixel outside the image.
TEST(Conv2dDepthwise, NaNAndInfinityPassThrough) {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  const Conv2dShape s{.n = 1, .h = 5, .w = 6, .c = 18, .k = 18, .r = 3, .s = 3, .pad = 1, .groups = 18};
  for (const Device device : {Device::cpu, Device::cuda}) {
    if (device == Device::cuda && !cuda_available()) continue;
    Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2);
    for (Numbers* all : {&x, &w}) std::replace(all->begin(), all->end(), 0.0f, 1.0f);  // infinity times 0
    x[(2 * 6 + 3) * 18 + 1] = kNaN;                                                    // pixel (2, 3), channel 1
    x[0] = kInf;                                                                       // pixel (0, 0), channel 0
    w[17 * 9] = kInf;  // tap (0, 0) of the last channel meets no pixel in row 0 or column 0
    const Numbers y = forward(device, DType::f32, s, x, w);
    for (int p = 0; p < 5; ++p)
      for (int q = 0; q < 6; ++q) {
        const auto at = [&](int k) { return y[std::size_t((p * 6 + q) * 18 + k)]; };
        EXPECT_EQ(std::isnan(at(1)), p >= 1 && p <= 3 && q >= 2 && q <= 4) << p << " " << q;
        EXPECT_EQ(std::isinf(at(0)), p <= 1 && q <= 1) << p << " " << q;
        EXPECT_EQ(std::isinf(at(17)), p > 0 && q > 0) << p << " " << q;
        EXPECT_TRUE(std::isfinite(at(5))) << p << " " << q;
      }
    Numbers dy = numbers(y_size(s), 3);
    dy[(4 * 6 + 5) * 18 + 2] = kNaN;  // the last pixel, channel 2: taps below it and right of it reach nothing
    const Numbers dw = backward_weight(device, DType::f32, s, numbers(x_size(s), 1), dy);
    for (int k = 0; k < 18; ++k)
      for (int tap = 0; tap < 9; ++tap)
        EXPECT_EQ(std::isnan(dw[std::size_t(k * 9 + tap)]), k == 2 && tap / 3 < 2 && tap % 3 < 2) << k << " " << tap;
  }
}

TEST(Conv2dChecks, GroupsDivideTheChannels) {
  float nothing = 0;
  for (const Conv2dShape& s : {Conv2dShape{.n = 1, .h = 3, .w = 3, .c = 4, .k = 6, .r = 1, .s = 1, .groups = 4},
                               Conv2dShape{.n = 1, .h = 3, .w = 3, .c = 6, .k = 4, .r = 1, .s = 1, .groups = 4},
                               Conv2dShape{.n = 1, .h = 3, .w = 3, .c = 6, .k = 4, .r = 1, .s = 1, .groups = 0}})
    EXPECT_THROW(conv2d_cpu.forward(s, DType::f32, &nothing, &nothing, nullptr, &nothing), std::logic_error);
}

TEST(Conv2dChecks, NamesTheShape) {
  const Conv2dShape s{.n = 1, .h = 3, .w = 2, .c = 16, .k = 16, .r = 5, .s = 5, .stride = 1, .pad = 0};
  float nothing = 0;
  try {
    conv2d_cpu.forward(s, DType::f32, &nothing, &nothing, nullptr, &nothing);
    FAIL() << "a filter larger than the picture was accepted";
  } catch (const std::logic_error& e) {
    EXPECT_HAS(e.what(), "3x2x16 k=16 5x5");
  }
  EXPECT_THROW(conv2d_cpu.forward({.n = 1, .h = 3, .w = 2, .c = 16, .k = 16, .r = 1, .s = 1}, DType::u8, &nothing,
                                  &nothing, nullptr, &nothing),
               std::logic_error);
}

}  // namespace
}  // namespace pc::test
