// The CUDA runtime layer on machines that have no GPU: it says so quietly, and a failed call names itself.
#include <gtest/gtest.h>

#include <string>

#include "kernels/base/error.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"
#include "tests/support.h"

namespace pc {
namespace {

TEST(CudaRuntime, AvailabilityIsAnsweredWithoutNoise) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const bool first = cuda_available(), second = cuda_available();
  EXPECT_EQ(testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(first, second);
}

TEST(CudaRuntime, WithoutADeviceACallNamesItselfItsPlaceAndTheReason) {
  if (cuda_available()) GTEST_SKIP() << "no GPU may be there";
  const std::string text = test::refusal([] { Buffer(Device::cuda, 1024); }, Exit::usage);
  EXPECT_HAS(text, PC_HAVE_CUDA ? "kernels/runtime/memory_cuda.cpp:" : "CUDA");
  EXPECT_EQ(text.find("cudaMalloc") != std::string::npos, PC_HAVE_CUDA) << text;
  EXPECT_EQ(memory::stats(Device::cuda).in_use, 0u);
}

}  // namespace
}  // namespace pc
