// batch_norm: its table of cases; what f32 sums cost; NaN; which shapes stay on chip.
#include "kernels/batch_norm/batch_norm_persistent.h"
#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

constexpr BatchNormChip kH100{.multiprocessors = 132, .shared_bytes = 232448};

TEST(BatchNorm, MatchesReference) {
  check_values(batch_norm_cases(), Device::cpu);
  check_values(batch_norm_remainders(), Device::cpu);
}
TEST(BatchNorm, NaNAndInfinity) { check_special_values(batch_norm_cases(), Device::cpu); }
TEST(BatchNorm, SameBitsWithAnyNumberOfThreads) {
  check_threads(batch_norm_cases());
  check_threads({batch_norm_case({5000, 72}, {.residual = true})});
}
TEST(BatchNorm, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(batch_norm_cases(), Device::cuda);
  check_special_values(
      {batch_norm_case({7, 8}, {.training = false}), batch_norm_case({7, 5}, {.training = false, .residual = true})},
      Device::cuda);
}

// One launch; the last of several parts is shorter. On the stand-in GPU (96 KiB of shared memory) the last slots of the
// larger shapes are there; some passes of the largest do not fit.
TEST(BatchNorm, GpuInOneLaunchMatchesReference) {
  PC_NEEDS_GPU();
  std::vector<OpCase> cases;
  const auto add = [&](const Shape& x, NormCase t) {
    t.persistent = true;
    cases.push_back(batch_norm_case(x, t));
  };
  for (const Shape& x : {Shape{2, 8}, {65, 64}, {131, 72}, {701, 96}, {251, 264}}) add(x, {.residual = true});
  for (const Shape& x : {Shape{65, 64}, {131, 72}}) add(x, {.activation = Activation::none});
  add({431, 512}, {.residual = true});
  add({40, 8}, {.training = false});
  add({500, 24}, {.activation = Activation::none, .mean = 1000});
  cases.back().accuracy = 1e-4;
  check_values(cases, Device::cuda);
}

TEST(BatchNorm, GpuTakesReadySums) {
  PC_NEEDS_GPU();
  std::vector<OpCase> cases;
  for (const Shape& x : {Shape{2, 8}, {65, 264}, {2100, 16}})
    for (const double mean : {0.0, 2.0})
      cases.push_back(batch_norm_case(x, {.residual = true, .sums = true, .mean = mean}));
  check_values(cases, Device::cuda);
}

// What f32 sums of squares cost where the mean is far from 0, and what our own pass over x costs there.
TEST(BatchNorm, GpuReadySumsLoseTheSquareOfTheMean) {
  PC_NEEDS_GPU();
  for (const double ratio : {0.0, 1.0, 3.0, 10.0, 30.0, 100.0})
    for (const bool sums : {false, true}) {
      const OpCase c = batch_norm_case({1024, 16}, {.activation = Activation::none, .sums = sums, .mean = 1.5 * ratio});
      InputValues in = random_inputs(c, DType::f16);
      in[4].assign(16, 0);
      const Values want = c.inputs[4].written(in),
                   got = forward_and_backward(c, in, DType::f16, Device::cuda).written[4];
      expect_close(got, want, {sums ? 4e-7 * (1 + ratio * ratio) : 2e-6, 0}, "variance at " + std::to_string(ratio));
    }
}

// The variance of equal values may come out below 0, by less than any epsilon in use but this: y is beta.
void check_constant(const NormCase& t, Device device) {
  const OpCase c = batch_norm_case({999, 8}, t);
  InputValues in = random_inputs(c, DType::f32);
  for (std::size_t i = 0; i < in[0].size(); ++i) in[0][i] = double(0.1f) * double(1 + i % 8);
  if (t.sums) in.back() = sums_of(in[0], 8);
  const OpResult got = forward_and_backward(c, in, DType::f32, device);
  for (std::size_t i = 0; i < got.y.size(); ++i) ASSERT_NEAR(got.y[i], in[2][i % 8], 1e-3) << i;
}

TEST(BatchNorm, AConstantHasNoVariance) {
  check_constant({.activation = Activation::none, .eps = 1e-20f}, Device::cpu);
}
TEST(BatchNorm, GpuReadySumsOfAConstantHaveNoVariance) {
  PC_NEEDS_GPU();
  check_constant({.activation = Activation::none, .sums = true, .eps = 1e-5f}, Device::cuda);
}

// The op refuses one row in training; the kernel divides by no 0 there.
void check_one_row(Device device) {
  const auto vector = [=](double v) { return Array(device, DType::f32, Values(8, v)); };
  const Array x = vector(3), gamma = vector(1), beta = vector(2), running_mean = vector(1), running_var = vector(1),
              y = vector(0), mean = vector(0), invstd = vector(0);
  PC_KERNELS(batch_norm, device)
      .forward_train({.rows = 1, .c = 8}, DType::f32,
                     {.x = x.data(),
                      .gamma = gamma.as<float>(),
                      .beta = beta.as<float>(),
                      .eps = 0.25f,
                      .momentum = 0.5f,
                      .running_mean = running_mean.as<float>(),
                      .running_var = running_var.as<float>(),
                      .y = y.data(),
                      .mean = mean.as<float>(),
                      .invstd = invstd.as<float>()});
  EXPECT_EQ(y.values(), Values(8, 2));
  EXPECT_EQ(invstd.values(), Values(8, 2));
  EXPECT_EQ(running_mean.values(), Values(8, 2));
  EXPECT_EQ(running_var.values(), Values(8, 0.5));
}

TEST(BatchNorm, TheVarianceOfOneRowIsZero) { check_one_row(Device::cpu); }
TEST(BatchNorm, GpuTheVarianceOfOneRowIsZero) {
  PC_NEEDS_GPU();
  check_one_row(Device::cuda);
}

TEST(BatchNorm, RefusesWhatItDoesNotServe) {
  const BatchNormShape shape{.rows = 4, .c = 4};
  const BatchNormForward none{.eps = 1e-5f, .momentum = 0.1f};
  EXPECT_THROW(batch_norm_cpu.forward_train(shape, DType::f16, none), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.backward(shape, DType::u8, {}), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.forward_eval({.rows = 0, .c = 4}, DType::f32, none), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.forward_train({.rows = 4, .c = 0}, DType::f32, none), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.backward({.rows = 0, .c = 4}, DType::f32, {}), std::logic_error);
}

// Which of ResNet's shapes stay on chip on an H100 in 16 bits: 2 in both directions, 1 forward only, - not at all. Of
// ResNet18 one letter a stage; of ResNet50 the first layer of a stage, those in the middle, and the last.
TEST(BatchNorm, TilesOfResNet) {
  struct Row {
    int h, w, n;
    const char *resnet18, *resnet50;
  };
  const Row table[] = {
      {80, 60, 64, "2222", "222 222 222 222"},    {80, 60, 256, "2222", "22- 121 222 222"},
      {80, 60, 512, "1222", "11- -2- 121 222"},   {96, 96, 64, "2222", "222 222 222 222"},
      {96, 96, 256, "2222", "22- 121 222 222"},   {96, 96, 512, "1222", "11- -2- 121 222"},
      {224, 224, 64, "1222", "11- -2- 121 222"},  {224, 224, 256, "--12", "--- --- -1- -2-"},
      {224, 224, 512, "---1", "--- --- --- -1-"},
  };
  const auto letter = [](int64_t rows, int c) {
    const auto fits = [&](int tensors) {
      return batch_norm_tile({.rows = rows, .c = c}, DType::bf16, tensors, kH100).has_value();
    };
    return fits(2) ? "2" : fits(1) ? "1" : "-";
  };
  for (const Row& row : table) {
    const auto rows_at = [&](int stage) {  // the stem halves the image twice, stage 0 does not
      const auto side = [&](int64_t of) { return (of + (4 << stage) - 1) / (4 << stage); };
      return row.n * side(row.h) * side(row.w);
    };
    std::string resnet18, resnet50;
    for (int stage = 0; stage < 4; ++stage) {
      const int c = 64 << stage;
      resnet18 += letter(rows_at(stage), c);
      resnet50 += std::string(stage ? " " : "") + letter(rows_at(std::max(stage - 1, 0)), c) +
                  letter(rows_at(stage), c) + letter(rows_at(stage), 4 * c);
    }
    const std::string name = std::to_string(row.h) + "x" + std::to_string(row.w) + " batch " + std::to_string(row.n);
    EXPECT_EQ(resnet18, row.resnet18) << name;
    EXPECT_EQ(resnet50, row.resnet50) << name;
  }
}

TEST(BatchNorm, TilesHoldTheirRowsAndFit) {
  for (DType dtype : {DType::f32, DType::bf16})
    for (int tensors : {1, 2})
      for (int c : {8, 24, 64, 72, 256, 264, 512, 2048})
        for (int64_t rows : {1, 2, 127, 128, 129, 5000, 40000, 100001}) {
          const auto tile = batch_norm_tile({.rows = rows, .c = c}, dtype, tensors, kH100);
          if (!tile) continue;
          EXPECT_EQ(tile->x * tile->y, kBatchNormTileThreads);
          EXPECT_GE(tile->columns * tile->x * 8, c);
          EXPECT_LE(tile->columns * tile->parts, kBatchNormTileBlocks);
          EXPECT_GE(int64_t(tile->parts) * tile->per_part, rows);
          EXPECT_LT(int64_t(tile->parts - 1) * tile->per_part, rows) << "every part has rows";
          EXPECT_GE(tile->slots * tile->y, tile->per_part);
          EXPECT_LE(tile->shared_bytes, kH100.shared_bytes);
          const int in_registers = batch_norm_slots_in_registers(size_of(dtype), tensors);
          EXPECT_GE(tile->shared_bytes,
                    int64_t(tile->slots - in_registers) * tensors * int64_t(size_of(dtype)) * 8 * 512);
        }
}

TEST(BatchNorm, NoTileWhereItDoesNotFit) {
  const auto fits = [](const BatchNormShape& s, const BatchNormChip& chip) {
    return batch_norm_tile(s, DType::bf16, 1, chip).has_value();
  };
  EXPECT_TRUE(fits({.rows = 1000, .c = 64}, kH100));
  EXPECT_FALSE(fits({.rows = 1000, .c = 60}, kH100)) << "channels do not come in whole vec8s";
  EXPECT_FALSE(fits({.rows = 1000, .c = 0}, kH100));
  EXPECT_FALSE(fits({.rows = 0, .c = 64}, kH100));
  EXPECT_FALSE(fits({.rows = INT64_MAX / 2, .c = 64}, kH100));
  EXPECT_FALSE(fits({.rows = 1000, .c = 2048}, {.multiprocessors = 7, .shared_bytes = 232448})) << "8 columns";
  EXPECT_FALSE(fits({.rows = 20000, .c = 256}, {.multiprocessors = 20, .shared_bytes = 49152}));
  const auto parts = [](int multiprocessors) {
    return batch_norm_tile({.rows = 60000, .c = 64}, DType::bf16, 1, {multiprocessors, 232448})->parts;
  };
  EXPECT_EQ(parts(132), parts(148)) << "the same bits on both";
  EXPECT_LT(parts(108), parts(132));
}

}  // namespace
}  // namespace pc::test
