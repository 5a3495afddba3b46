// batch_norm against plain f64 loops: training, evaluation, gradients, mask, threads, CPU and GPU.
#include "kernels/batch_norm/batch_norm_persistent.h"
#include "kernels/batch_norm/batch_norm_tiles.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

constexpr BatchNormChip kH100{.multiprocessors = 132, .shared_bytes = 232448};

struct Case {
  BatchNormShape shape;
  bool relu = false, residual = false, training = true;
  double mean = 0;  // of x
  bool persistent = false;
  bool sums = false;  // taken before
  float momentum = 0.1f;
};

struct Inputs {
  Values x, residual, gamma, beta, running_mean, running_var, dy;
};

struct Outputs {
  Values y, mean, invstd, running_mean, running_var, dx, dresidual, dgamma, dbeta;
  std::vector<uint8_t> mask;
};

Inputs make_inputs(const Case& t, DType dtype) {
  const int64_t n = t.shape.rows * t.shape.c, c = t.shape.c;
  Inputs in{.x = rounded(random_values(n, 1, 1.5, t.mean), dtype),
            .residual = rounded(random_values(n, 2), dtype),
            .gamma = random_values(c, 3, 0.3, 1),
            .beta = random_values(c, 4, 0.5),
            .running_mean = random_values(c, 5),
            .running_var = random_values(c, 6, 0.1, 1),
            .dy = rounded(random_values(n, 7), dtype)};
  return in;
}

void batch_moments(const Case& t, const Inputs& in, Outputs& out) {
  const std::size_t c = std::size_t(t.shape.c), rows = std::size_t(t.shape.rows);
  out.running_mean = in.running_mean, out.running_var = in.running_var;
  for (std::size_t j = 0; j < c; ++j) {
    double mean = 0, var = 0;
    for (std::size_t i = 0; i < rows; ++i) mean += in.x[i * c + j] / double(rows);
    for (std::size_t i = 0; i < rows; ++i) var += (in.x[i * c + j] - mean) * (in.x[i * c + j] - mean) / double(rows);
    if (t.training) {
      out.running_mean[j] += double(t.momentum) * (mean - in.running_mean[j]);
      out.running_var[j] += double(t.momentum) * (var * double(rows) / double(rows - (rows > 1)) - in.running_var[j]);
    } else {
      mean = in.running_mean[j], var = in.running_var[j];
    }
    out.mean.push_back(mean);
    out.invstd.push_back(1 / std::sqrt(var + double(t.shape.eps)));
  }
}

Outputs reference(const Case& t, const Inputs& in) {
  Outputs out;
  batch_moments(t, in, out);
  const std::size_t c = std::size_t(t.shape.c), rows = std::size_t(t.shape.rows), mask_row = (c + 7) / 8;
  out.y.resize(rows * c), out.dx.resize(rows * c), out.dresidual.resize(rows * c);
  out.mask.resize(rows * mask_row);
  out.dgamma.resize(c), out.dbeta.resize(c);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < c; ++j) {
      const double xhat = (in.x[i * c + j] - out.mean[j]) * out.invstd[j];
      double y = in.gamma[j] * xhat + in.beta[j] + (t.residual ? in.residual[i * c + j] : 0);
      if (y > 0) out.mask[i * mask_row + j / 8] |= uint8_t(1u << j % 8);
      const double g = t.relu && !(y > 0) ? 0 : in.dy[i * c + j];
      out.y[i * c + j] = t.relu ? std::max(y, 0.0) : y;
      out.dresidual[i * c + j] = g;
      out.dgamma[j] += g * xhat, out.dbeta[j] += g;
    }
  for (std::size_t i = 0; i < rows * c; ++i) {
    const std::size_t j = i % c;
    const double xhat = (in.x[i] - out.mean[j]) * out.invstd[j], m = double(rows);
    const double centered = t.training ? out.dbeta[j] / m + xhat * out.dgamma[j] / m : 0;
    out.dx[i] = in.gamma[j] * out.invstd[j] * (out.dresidual[i] - centered);
  }
  return out;
}

// Sums of x and of x * x as a convolution computes them.
Array sums_of(const Case& t, const Inputs& in, Device device) {
  const std::size_t c = std::size_t(t.shape.c);
  Values sums(2 * c);
  for (std::size_t i = 0; i < in.x.size(); ++i) {
    sums[i % c] += in.x[i];
    sums[c + i % c] += in.x[i] * in.x[i];
  }
  return {device, DType::f32, sums};
}

// `mask`: the one the backward pass reads; the kernel's own, or the reference's where rounding may move y across 0.
Outputs kernel(const Case& t, const Inputs& in, Device device, DType dtype, const std::vector<uint8_t>* mask = nullptr,
               std::vector<uint8_t>* bits = nullptr) {
  const int64_t n = t.shape.rows * t.shape.c, c = t.shape.c;
  const Array x(device, dtype, in.x), residual(device, dtype, in.residual), dy(device, dtype, in.dy);
  const Array gamma(device, DType::f32, in.gamma), beta(device, DType::f32, in.beta);
  const Array running_mean(device, DType::f32, in.running_mean), running_var(device, DType::f32, in.running_var);
  const Array y(device, dtype, n), mean(device, DType::f32, c), invstd(device, DType::f32, c);
  const Array wrote(device, DType::u8, t.shape.mask_bytes()), sums = sums_of(t, in, device);
  const BatchNormForward forward{.x = x.data(),
                                 .gamma = gamma.as<float>(),
                                 .beta = beta.as<float>(),
                                 .residual = t.residual ? residual.data() : nullptr,
                                 .relu = t.relu,
                                 .momentum = t.momentum,
                                 .running_mean = running_mean.as<float>(),
                                 .running_var = running_var.as<float>(),
                                 .y = y.data(),
                                 .mean = mean.as<float>(),
                                 .invstd = invstd.as<float>(),
                                 .mask = t.relu ? wrote.as<uint8_t>() : nullptr,
                                 .persistent = t.persistent,
                                 .sums = t.sums ? sums.as<float>() : nullptr};
  const BatchNormKernels& table = PC_KERNELS(batch_norm, device);
  (t.training ? table.forward_train : table.forward_eval)(t.shape, dtype, forward);

  const Array read(device, DType::u8,
                   mask     ? *mask
                   : t.relu ? wrote.bytes()
                            : std::vector<uint8_t>(wrote.bytes().size()));
  const Array dx(device, dtype, n), dresidual(device, dtype, n), dgamma(device, DType::f32, c),
      dbeta(device, DType::f32, c);
  table.backward(t.shape, dtype,
                 {.dy = dy.data(),
                  .x = x.data(),
                  .gamma = gamma.as<float>(),
                  .mean = mean.as<float>(),
                  .invstd = invstd.as<float>(),
                  .mask = t.relu ? read.as<uint8_t>() : nullptr,
                  .training = t.training,
                  .dx = dx.data(),
                  .dresidual = dresidual.data(),
                  .dgamma = dgamma.as<float>(),
                  .dbeta = dbeta.as<float>(),
                  .persistent = t.persistent});
  if (bits) *bits = joined({&y, &mean, &invstd, &running_mean, &running_var, &dx, &dresidual, &dgamma, &dbeta});
  return {.y = y.values(),
          .mean = mean.values(),
          .invstd = invstd.values(),
          .running_mean = running_mean.values(),
          .running_var = running_var.values(),
          .dx = dx.values(),
          .dresidual = dresidual.values(),
          .dgamma = dgamma.values(),
          .dbeta = dbeta.values(),
          .mask = t.relu ? wrote.bytes() : std::vector<uint8_t>{}};
}

void check(const Case& t, Device device, DType dtype) {
  const Inputs in = make_inputs(t, dtype);
  const Outputs want = reference(t, in), got = kernel(t, in, device, dtype, &want.mask);
  const double rows = double(t.shape.rows), size = 1 + std::abs(t.mean);
  const Tolerance vector = tolerance(DType::f32, size);
  expect_close(got.mean, want.mean, vector, "mean");
  expect_close(got.invstd, want.invstd, {2e-5, 0}, "invstd");
  expect_close(got.running_mean, want.running_mean, vector, "running_mean");
  expect_close(got.running_var, want.running_var, vector, "running_var");
  expect_close(got.y, want.y, tolerance(dtype, size), "y");
  expect_close(got.dresidual, want.dresidual, {0, 0}, "dresidual");
  expect_close(got.dgamma, want.dgamma, tolerance(DType::f32, std::sqrt(rows) * size), "dgamma");
  expect_close(got.dbeta, want.dbeta, tolerance(DType::f32, std::sqrt(rows)), "dbeta");
  expect_close(got.dx, want.dx,
               tolerance(dtype, size * (1 + *std::max_element(want.invstd.begin(), want.invstd.end()))), "dx");
}

void check_variants(int64_t rows, int c, Device device, DType dtype) {
  for (int variant = 0; variant < 8; ++variant) {
    const Case t{.shape = {.rows = rows, .c = c, .eps = variant % 3 ? 1e-3f : 0.05f},
                 .relu = (variant & 1) != 0,
                 .residual = (variant & 2) != 0,
                 .training = (variant & 4) != 0,
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

// E[x^2] - E[x]^2 of equal values may come out below 0, by less than any epsilon in use but this.
TEST(BatchNorm, AConstantHasNoVariance) {
  const Case t{.shape = {.rows = 33, .c = 64, .eps = 1e-20f}};
  Inputs in = make_inputs(t, DType::f32);
  for (std::size_t i = 0; i < in.x.size(); ++i) in.x[i] = in.x[i % 64];
  for (const double invstd : kernel(t, in, Device::cpu, DType::f32).invstd) EXPECT_LE(invstd, 1.01e10);
}

TEST(BatchNorm, StaysAccurateFarFromZero) {
  check({.shape = {.rows = 3000, .c = 20}, .mean = 1000}, Device::cpu, DType::f32);
}

TEST(BatchNorm, ReferenceGradientIsTheDerivative) {
  for (bool training : {true, false}) {
    const Case t{.shape = {.rows = 5, .c = 3}, .relu = true, .residual = true, .training = training};
    Inputs in = make_inputs(t, DType::f32);
    const Outputs want = reference(t, in);
    const auto loss_of = [&](Values Inputs::*member) {
      return [&, member](const Values& v) {
        Inputs moved = in;
        moved.*member = v;
        return dot(reference(t, moved).y, in.dy);
      };
    };
    expect_close(want.dx, differences(loss_of(&Inputs::x), in.x), {1e-6, 1e-7}, "dx");
    expect_close(want.dresidual, differences(loss_of(&Inputs::residual), in.residual), {1e-6, 1e-7}, "dresidual");
    expect_close(want.dgamma, differences(loss_of(&Inputs::gamma), in.gamma), {1e-6, 1e-7}, "dgamma");
    expect_close(want.dbeta, differences(loss_of(&Inputs::beta), in.beta), {1e-6, 1e-7}, "dbeta");
  }
}

TEST(BatchNorm, MaskHasOneBitAnElement) {
  for (int c : {1, 7, 8, 9, 16, 24, 31, 40, 64}) {
    const Case t{.shape = {.rows = 40, .c = c}, .relu = true};
    const Inputs in = make_inputs(t, DType::f32);
    EXPECT_EQ(kernel(t, in, Device::cpu, DType::f32).mask, reference(t, in).mask) << "c " << c;
  }
}

TEST(BatchNorm, SameBitsWithAnyNumberOfThreads) {
  for (DType dtype : {DType::f32, DType::bf16}) {
    const Case t{.shape = {.rows = 5000, .c = 72}, .relu = true, .residual = true};
    const Inputs in = make_inputs(t, dtype);
    expect_same_bits_with_two_threads([&] {
      std::vector<uint8_t> bits;
      kernel(t, in, Device::cpu, dtype, nullptr, &bits);
      return bits;
    });
  }
}

TEST(BatchNorm, NaNReachesEveryRowOfItsChannelOnly) {
  for (bool relu : {false, true}) {
    const Case t{.shape = {.rows = 50, .c = 20}, .relu = relu};
    Inputs in = make_inputs(t, DType::f32);
    in.x[30 * 20 + 4] = double(kNaN);
    const Outputs got = kernel(t, in, Device::cpu, DType::f32);
    for (std::size_t i = 0; i < got.y.size(); ++i) ASSERT_EQ(std::isnan(got.y[i]), i % 20 == 4) << i;
    EXPECT_TRUE(std::isnan(got.running_var[4]));
  }
}

TEST(BatchNorm, RefusesWhatItDoesNotServe) {
  const Case t{.shape = {.rows = 4, .c = 4}};
  EXPECT_THROW(batch_norm_cpu.forward_train(t.shape, DType::f16, {}), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.backward(t.shape, DType::u8, {}), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.forward_eval({.rows = 0, .c = 4}, DType::f32, {}), std::logic_error);
  EXPECT_THROW(batch_norm_cpu.forward_train({.rows = 4, .c = 0}, DType::f32, {}), std::logic_error);
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
        check({.shape = {.rows = rows, .c = c}, .relu = true, .residual = true, .mean = mean, .sums = true},
              Device::cuda, dtype);
}

// What f32 sums of squares cost where the mean is far from 0, and what our own pass over x costs there.
TEST(BatchNorm, GpuReadySumsLoseTheSquareOfTheMean) {
  PC_NEEDS_GPU();
  std::printf("mean / deviation   invstd off by, ready sums   own pass\n");
  for (const double ratio : {0.0, 1.0, 3.0, 10.0, 30.0, 100.0}) {
    Case t{.shape = {.rows = 1024, .c = 16}, .mean = 1.5 * ratio};
    const Inputs in = make_inputs(t, DType::f16);
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
  Inputs in = make_inputs(t, DType::f32);
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
             .relu = (variant & 1) != 0,
             .residual = (variant & 2) != 0,
             .persistent = true},
            Device::cuda, dtype);
    }
  check({.shape = {.rows = 431, .c = 512}, .relu = true, .residual = true, .persistent = true}, Device::cuda, dtype);
  check({.shape = {.rows = 40, .c = 8}, .relu = true, .training = false, .persistent = true}, Device::cuda, dtype);
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
