// The convolutions' own CUDA kernels against plain loops: channels padded or truncated to another number, and the
// epilogue.
#include "tests/ops/activation_reference.h"
#include "tests/ops/reference.h"

#if PC_HAVE_CUDA
#include "kernels/conv2d/conv2d_kernels.h"

namespace pc::test {
namespace {

TEST(Conv2dKernels, GpuFitsChannels) {
  PC_NEEDS_GPU();
  for (const auto& [rows, from_c, to_c] : {std::tuple{1, 3, 8}, {700, 3, 8}, {50, 8, 3}, {33, 19, 24}, {20, 24, 19}}) {
    const std::vector<int32_t> random = random_integers(int64_t(rows) * from_c, 65536, 1);
    const std::vector<uint16_t> from(random.begin(), random.end());
    const Array x(Device::cuda, DType::bf16, from), y(Device::cuda, DType::bf16, int64_t(rows) * to_c);
    conv2d_fit_channels(rows, from_c, x.data(), to_c, y.data());
    const std::vector<uint16_t> got = y.raw<uint16_t>();
    for (int row = 0; row < rows; ++row)
      for (int c = 0; c < to_c; ++c)
        ASSERT_EQ(got[std::size_t(row * to_c + c)], c < from_c ? from[std::size_t(row * from_c + c)] : 0)
            << rows << " rows of " << from_c << " to " << to_c << ", row " << row << " channel " << c;
  }
}

TEST(Conv2dKernels, GpuAddsTheEpilogue) {
  PC_NEEDS_GPU();
  for (DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const auto& [rows, c] : {std::pair{1, 1}, {300, 16}, {41, 37}})
      for (const Activation f : kActivations) {
        const bool with_residual = f != Activation::relu6;
        const int64_t n = int64_t(rows) * c;
        const Values x = rounded(random_values(n, 1), dtype), other = rounded(random_values(n, 2), dtype),
                     b = random_values(c, 3);
        const Array y(Device::cuda, dtype, x), residual(Device::cuda, dtype, other), bias(Device::cuda, DType::f32, b);
        conv2d_epilogue(rows, c, dtype, {bias.as<float>(), with_residual ? residual.data() : nullptr, f}, y.data());
        Values want = x;
        for (std::size_t i = 0; i < want.size(); ++i) {
          want[i] = activation_reference(f, want[i] + b[i % b.size()] + (with_residual ? other[i] : 0));
        }
        expect_close(y.values(), want, tolerance(dtype), "y");
      }
}

}  // namespace
}  // namespace pc::test
#endif
