// The description of a device is JSON that a report can read.
#include "kernels/runtime/device_info.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pc {
namespace {

TEST(DeviceInfo, TheCpuHasANameAndCores) {
  const auto info = nlohmann::json::parse(device_info_cpu.describe());
  EXPECT_NE(info.at("name").get<std::string>(), "");
  EXPECT_GE(info.at("cores").get<int>(), 1);
}

TEST(DeviceInfo, TheGpuHasProperties) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  const auto info = nlohmann::json::parse(PC_KERNELS(device_info, Device::cuda).describe());
  EXPECT_GT(info.at("properties").at("multiProcessorCount").get<int>(), 0);
  EXPECT_FALSE(info.at("libraries").empty());
}

}  // namespace
}  // namespace pc
