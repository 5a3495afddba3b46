// The CUDA runtime layer on machines that have no GPU: it says so quietly, and a failed call names itself.
#include <gtest/gtest.h>

#include <string>

#include "kernels/base/error.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/select.h"

namespace pc {
namespace {

TEST(CudaRuntime, AvailabilityIsAnsweredWithoutNoise) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const bool first = cuda_available(), second = cuda_available();
  EXPECT_EQ(testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(first, second);
}

TEST(CudaRuntime, AFailedCallNamesItselfItsPlaceAndTheReason) {
  if (!PC_HAVE_CUDA) GTEST_SKIP() << "built without CUDA";
  if (cuda_available()) GTEST_SKIP() << "this machine has a GPU";
  try {
    const Buffer buffer(Device::cuda, 1024);
    FAIL() << "memory was handed out without a GPU";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), Exit::usage);
    EXPECT_NE(text.find("kernels/runtime/memory_cuda.cpp:"), std::string::npos) << text;
    EXPECT_NE(text.find("cudaMalloc"), std::string::npos) << text;
  }
  EXPECT_EQ(memory::stats(Device::cuda).in_use, 0u);
}

TEST(CudaRuntime, ABuildWithoutCudaRefusesTheDevice) {
  if (PC_HAVE_CUDA) GTEST_SKIP() << "built with CUDA";
  EXPECT_THROW(Buffer(Device::cuda, 1024), Error);
}

}  // namespace
}  // namespace pc
