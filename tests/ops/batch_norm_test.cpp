// batch_norm against plain f64 loops: training, evaluation, gradients, mask, threads, CPU and GPU.
#include "kernels/batch_norm/batch_norm_persistent.h"
#include "kernels/batch_norm/batch_norm_tiles.h"
#include "tests/ops/activation_cases.h"
#include "tests/ops/norm_reference.h"

namespace pc::test {
namespace {

constexpr BatchNormChip kH100{.multiprocessors = 132, .shared_bytes = 232448};

constexpr Activation kRelu = Activation::relu;

struct Case {
  BatchNormShape shape;
  Activation activation = Activation::none;
  bool residual = false, training = true;
  double mean = 0;  // of x
  bool persistent = false;
  bool sums = false;  // taken before
  float eps = 1e-5f, momentum = 0.1f;
};

struct Outputs : NormOutputs {
  std::vector<uint8_t> mask;
};

NormInputs make_inputs(const Case& t, DType dtype) {
  const int64_t n = t.shape.rows * t.shape.c;
  return norm_inputs(n, n, t.shape.c, dtype, t.mean);
}

// f'(z); of relu and none exactly, for their gradients are compared to the bit.
double slope(Activation f, double z) {
  if (f == Activation::none) return 1;
  if (f == Activation::relu) return z > 0 ? 1 : 0;
  constexpr double kStep = 1e-8;
  return (activation_reference(f, z + kStep) - activation_reference(f, z - kStep)) / (2 * kStep);
}

Outputs reference(const Case& t, const NormInputs& in) {
  Outputs out{norm_moments(in, t.training, t.momentum, t.eps), {}};
  const std::size_t c = std::size_t(t.shape.c), mask_row = (c + 7) / 8;
  out.mask.resize(in.x.size() / c * mask_row);
  for (std::size_t i = 0; i < in.x.size(); ++i) {
    const double y = normalized(in, out, i).first + (t.residual ? in.residual[i] : 0);
    if (y > 0) out.mask[i / c * mask_row + i % c / 8] |= uint8_t(1u << i % c % 8);
    out.y.push_back(activation_reference(t.activation, y));
    out.dresidual.push_back(in.dy[i] * slope(t.activation, y));
  }
  norm_gradients(in, t.training, out.dresidual, out);
  return out;
}

// Sums of x and of x * x as a convolution computes them.
Array sums_of(const Case& t, const NormInputs& in, Device device) {
  const std::size_t c = std::size_t(t.shape.c);
  Values sums(2 * c);
  for (std::size_t i = 0; i < in.x.size(); ++i) {
    sums[i % c] += in.x[i];
    sums[c + i % c] += in.x[i] * in.x[i];
  }
  return {device, DType::f32, sums};
}

// `mask`: the one the backward pass reads; the kernel's own, or the reference's where rounding may move y across 0.
Outputs kernel(const Case& t, const NormInputs& in, Device device, DType dtype,
               const std::vector<uint8_t>* mask = nullptr, std::vector<uint8_t>* bits = nullptr) {
  const NormArrays a(in, device, dtype);
  const Array wrote(device, DType::u8, t.shape.mask_bytes()), sums = sums_of(t, in, device);
  BatchNormForward forward = a.forward(t.eps, t.momentum);
  forward.residual = t.residual ? a.residual.data() : nullptr;
  forward.activation = t.activation;
  forward.mask = t.activation == kRelu ? wrote.as<uint8_t>() : nullptr;
  forward.persistent = t.persistent;
  forward.sums = t.sums ? sums.as<float>() : nullptr;
  const BatchNormKernels& table = PC_KERNELS(batch_norm, device);
  (t.training ? table.forward_train : table.forward_eval)(t.shape, dtype, forward);

  const Array read(device, DType::u8, mask ? *mask : wrote.bytes());
  BatchNormBackward backward = a.backward();
  backward.activation = t.activation;
  backward.beta = a.beta.as<float>();
  backward.mask = t.activation == kRelu ? read.as<uint8_t>() : nullptr;
  backward.training = t.training;
  backward.dresidual = a.dresidual.data();
  backward.persistent = t.persistent;
  table.backward(t.shape, dtype, backward);
  if (bits) *bits = a.bytes();
  return {a.values(), t.activation == kRelu ? wrote.bytes() : std::vector<uint8_t>{}};
}

void check(const Case& t, Device device, DType dtype) {
  const NormInputs in = make_inputs(t, dtype);
  const Outputs want = reference(t, in), got = kernel(t, in, device, dtype, &want.mask);
  const double rows = double(t.shape.rows), size = 1 + std::abs(t.mean);
  const Tolerance vector = tolerance(DType::f32, size);
  expect_close(got.mean, want.mean, vector, "mean");
  expect_close(got.invstd, want.invstd, {2e-5, 0}, "invstd");
  expect_close(got.running_mean, want.running_mean, vector, "running_mean");
  expect_close(got.running_var, want.running_var, vector, "running_var");
  expect_close(got.y, want.y, tolerance(dtype, size), "y");
  expect_close(got.dresidual, want.dresidual, recomputes(t.activation) ? tolerance(dtype, size) : Tolerance{0, 0},
               "dresidual");
  expect_close(got.dgamma, want.dgamma, tolerance(DType::f32, std::sqrt(rows) * size), "dgamma");
  expect_close(got.dbeta, want.dbeta, tolerance(DType::f32, std::sqrt(rows)), "dbeta");
  expect_close(got.dx, want.dx,
               tolerance(dtype, size * (1 + *std::max_element(want.invstd.begin(), want.invstd.end()))), "dx");
}

void check_variants(int64_t rows, int c, Device device, DType dtype) {
  for (int variant = 0; variant < 8; ++variant) {
    const Case t{.shape = {.rows = rows, .c = c},
                 .activation = variant & 1 ? Activation::relu : Activation::none,
                 .residual = (variant & 2) != 0,
                 .training = (variant & 4) != 0,
                 .eps = variant % 3 ? 1e-3f : 0.05f,
                 .momentum = variant % 3 ? 0.1f : 0.3f};
    SCOPED_TRACE("rows " + std::to_string(rows) + " c " + std::to_string(c) + " variant " + std::to_string(variant));
    check(t, device, dtype);
  }
}

void check_many(Device device, DType dtype) {
  for (const auto& [rows, c] : {std::pair{1, 5}, {2, 1}, {7, 3}, {33, 17}, {65, 64}, {130, 72}, {1300, 96}, {2100, 8}})
    check_variants(rows, c, device, dtype);
}

// Every remainder of the channels' tiles and vectors; blocks of rows and both sides of their ends, of the smallest and
// the largest block too.
void check_remainders(DType dtype) {
  const int lanes = built_for.lanes();
  for (int c = 1; c <= (2 * batch_norm_vectors(lanes) + 1) * lanes + 1; ++c)
    check_variants(c % 4 ? 2 + c % 4 : 1, c, Device::cpu, dtype);
  for (const int c : {3, 70, 2100})
    for (const int more : {-1, 0, 1})
      check_variants(2 * batch_norm_block_rows({.rows = 1, .c = c}) + more, c, Device::cpu, dtype);
}

TEST(BatchNorm, MatchesReferenceF32) { check_remainders(DType::f32); }
TEST(BatchNorm, MatchesReferenceBf16) { check_remainders(DType::bf16); }

void check_activations(Device device, DType dtype) {
  for (const Activation kind : kActivations)
    for (const bool training : {true, false})
      for (const auto& [rows, c] : {std::pair{7, 3}, {130, 72}, {270, 40}}) {
        SCOPED_TRACE(testing::Message() << name_of(kind) << " rows " << rows << " c " << c << " training " << training);
        check({.shape = {.rows = rows, .c = c}, .activation = kind, .training = training}, device, dtype);
      }
}

TEST(BatchNorm, EveryActivationF32) { check_activations(Device::cpu, DType::f32); }
TEST(BatchNorm, EveryActivationBf16) { check_activations(Device::cpu, DType::bf16); }

// E[x^2] - E[x]^2 of equal values may come out below 0, by less than any epsilon in use but this.
TEST(BatchNorm, AConstantHasNoVariance) {
  const Case t{.shape = {.rows = 33, .c = 64}, .eps = 1e-20f};
  NormInputs in = make_inputs(t, DType::f32);
  for (std::size_t i = 0; i < in.x.size(); ++i) in.x[i] = in.x[i % 64];
  for (const double invstd : kernel(t, in, Device::cpu, DType::f32).invstd) EXPECT_LE(invstd, 1.01e10);
}

TEST(BatchNorm, StaysAccurateFarFromZero) {
  check({.shape = {.rows = 3000, .c = 20}, .mean = 1000}, Device::cpu, DType::f32);
}

TEST(BatchNorm, ReferenceGradientIsTheDerivative) {
  for (bool training : {true, false}) {
    const Case t{.shape = {.rows = 5, .c = 3}, .activation = kRelu, .residual = true, .training = training};
    expect_derivatives(make_inputs(t, DType::f32), [&](const NormInputs& in) { return reference(t, in); });
  }
}

TEST(BatchNorm, MaskHasOneBitAnElement) {
  for (int c : {1, 7, 8, 9, 16, 24, 31, 40, 64}) {
    const Case t{.shape = {.rows = 40, .c = c}, .activation = kRelu};
    const NormInputs in = make_inputs(t, DType::f32);
    EXPECT_EQ(kernel(t, in, Device::cpu, DType::f32).mask, reference(t, in).mask) << "c " << c;
  }
}

TEST(BatchNorm, SameBitsWithAnyNumberOfThreads) {
  for (DType dtype : {DType::f32, DType::bf16}) {
    const Case t{.shape = {.rows = 5000, .c = 72}, .activation = kRelu, .residual = true};
    const NormInputs in = make_inputs(t, dtype);
    expect_same_bits_with_two_threads([&] {
      std::vector<uint8_t> bits;
      kernel(t, in, Device::cpu, dtype, nullptr, &bits);
      return bits;
    });
  }
}

TEST(BatchNorm, NaNReachesEveryRowOfItsChannelOnly) {
  for (bool relu : {false, true}) {
    const Case t{.shape = {.rows = 50, .c = 20}, .activation = relu ? kRelu : Activation::none};
    NormInputs in = make_inputs(t, DType::f32);
    in.x[30 * 20 + 4] = double(kNaN);
    const Outputs got = kernel(t, in, Device::cpu, DType::f32);
    for (std::size_t i = 0; i < got.y.size(); ++i) ASSERT_EQ(std::isnan(got.y[i]), i % 20 == 4) << i;
    EXPECT_TRUE(std::isnan(got.running_var[4]));
  }
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

TEST(BatchNorm, GpuMatchesReferenceF32) {
  PC_NEEDS_GPU();
  check_many(Device::cuda, DType::f32);
}
TEST(BatchNorm, GpuEveryActivation) {
  PC_NEEDS_GPU();
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) check_activations(Device::cuda, dtype);
}

TEST(BatchNorm, GpuMatchesReference16Bit) {
  PC_NEEDS_GPU();
  check_many(Device::cuda, DType::bf16);
  check_many(Device::cuda, DType::f16);
}

TEST(BatchNorm, GpuTakesReadySums) {
  PC_NEEDS_GPU();
  for (const DType dtype : {DType::f32, DType::f16})
    for (const auto& [rows, c] : {std::pair{2, 8}, {65, 264}, {2100, 16}})
      for (const double mean : {0.0, 2.0})
        check({.shape = {.rows = rows, .c = c}, .activation = kRelu, .residual = true, .mean = mean, .sums = true},
              Device::cuda, dtype);
}

// What f32 sums of squares cost where the mean is far from 0, and what our own pass over x costs there.
TEST(BatchNorm, GpuReadySumsLoseTheSquareOfTheMean) {
  PC_NEEDS_GPU();
  std::printf("mean / deviation   invstd off by, ready sums   own pass\n");
  for (const double ratio : {0.0, 1.0, 3.0, 10.0, 30.0, 100.0}) {
    Case t{.shape = {.rows = 1024, .c = 16}, .mean = 1.5 * ratio};
    const NormInputs in = make_inputs(t, DType::f16);
    const Outputs want = reference(t, in);
    double worst[2] = {};
    for (const bool sums : {false, true}) {
      t.sums = sums;
      const Outputs got = kernel(t, in, Device::cuda, DType::f16);
      for (std::size_t c = 0; c < want.invstd.size(); ++c)
        worst[sums] = std::max(worst[sums], std::abs(got.invstd[c] / want.invstd[c] - 1));
    }
    std::printf("%16.0f %27.1e %10.1e\n", ratio, worst[1], worst[0]);
    EXPECT_LT(worst[1], 2e-7 * (1 + ratio * ratio));
    EXPECT_LT(worst[0], 1e-6);
  }
}

// A channel of one value: rounding may leave a variance below 0.
TEST(BatchNorm, GpuReadySumsOfAConstantHaveNoVariance) {
  PC_NEEDS_GPU();
  const Case t{.shape = {.rows = 999, .c = 8}, .sums = true};
  NormInputs in = make_inputs(t, DType::f32);
  for (std::size_t i = 0; i < in.x.size(); ++i) in.x[i] = double(0.1f) * double(1 + i % 8);
  for (const double invstd : kernel(t, in, Device::cuda, DType::f32).invstd) {
    EXPECT_LE(invstd, 317);
    EXPECT_GT(invstd, 100);
  }
}

// One launch; the last of several parts is shorter. On the stand-in GPU (96 KiB of shared memory) the last slots of the
// larger shapes are there; some passes of the largest do not fit.
void check_persistent(DType dtype) {
  for (const auto& [rows, c] : {std::pair{2, 8}, {65, 64}, {131, 72}, {701, 96}, {251, 264}})
    for (int variant = 0; variant < 4; ++variant) {
      SCOPED_TRACE("rows " + std::to_string(rows) + " c " + std::to_string(c) + " variant " + std::to_string(variant));
      check({.shape = {.rows = rows, .c = c},
             .activation = variant & 1 ? Activation::relu : Activation::none,
             .residual = (variant & 2) != 0,
             .persistent = true},
            Device::cuda, dtype);
    }
  check({.shape = {.rows = 431, .c = 512}, .activation = kRelu, .residual = true, .persistent = true}, Device::cuda,
        dtype);
  check({.shape = {.rows = 40, .c = 8}, .activation = kRelu, .training = false, .persistent = true}, Device::cuda,
        dtype);
}

TEST(BatchNorm, GpuInOneLaunchMatchesReferenceF32) {
  PC_NEEDS_GPU();
  check_persistent(DType::f32);
  check({.shape = {.rows = 500, .c = 24}, .mean = 1000, .persistent = true}, Device::cuda, DType::f32);
}
TEST(BatchNorm, GpuInOneLaunchMatchesReference16Bit) {
  PC_NEEDS_GPU();
  check_persistent(DType::bf16);
  check_persistent(DType::f16);
}

}  // namespace
}  // namespace pc::test
