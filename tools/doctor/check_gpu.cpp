#include "tools/doctor/check_gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc::doctor {
namespace {

using State = Finding::State;

std::string cuda_version(int v) { return fmt::format("{}.{}", v / 1000, v % 1000 / 10); }
std::string cudnn_version(int v) { return fmt::format("{}.{}.{}", v / 10000, v / 100 % 100, v % 100); }
std::string capability(int v) { return fmt::format("{}.{}", v / 10, v % 10); }

Finding check_driver(const GpuBuild& build, const GpuProbe& probe) {
  Finding finding{.name = "driver", .found = probe.driver_error};
  if (!probe.driver_error.empty()) {
    finding.state = State::warning;
    finding.advice = "device = cpu works; for the GPU install or repair NVIDIA's driver (nvidia-smi must work)";
    return finding;
  }
  finding.found = fmt::format("runs CUDA up to {}, wanted {}", cuda_version(probe.driver), cuda_version(build.cuda));
  if (probe.driver / 1000 < build.cuda / 1000) {  // within a major version older drivers will do
    finding.state = State::warning;
    finding.advice = fmt::format("device = cpu works; for the GPU take a driver for CUDA {}", build.cuda / 1000);
  }
  return finding;
}

// The programs are linked against both: without them none starts.
Finding missing(const char* name, const std::string& library) {
  return {.name = name,
          .found = library + " is not found",
          .state = State::problem,
          .advice = "the other programs do not start: install it, or name its folder in LD_LIBRARY_PATH",
          .code = Exit::usage};
}

Finding check_runtime(const GpuBuild& build, const GpuProbe& probe) {
  if (probe.runtime == 0) return missing("cuda", fmt::format("libcudart.so.{}", build.cuda / 1000));
  return {.name = "cuda",
          .found = fmt::format("runtime {}, wanted {}", cuda_version(probe.runtime), cuda_version(build.cuda))};
}

Finding check_cudnn(const GpuBuild& build, const GpuProbe& probe) {
  if (probe.cudnn <= 0) return missing("cudnn", fmt::format("libcudnn.so.{}", build.cudnn / 10000));
  Finding finding{.name = "cudnn",
                  .found = fmt::format("{}, wanted {}", cudnn_version(probe.cudnn), cudnn_version(build.cudnn))};
  if (probe.cudnn / 100 != build.cudnn / 100) {  // the rule of kernels/runtime/cuda_cuda.cpp
    finding.state = State::warning;
    finding.advice = "device = cuda is refused: take the other cuDNN off LD_LIBRARY_PATH or build again";
  }
  return finding;
}

// The lowest of "80;90-real": that one's code is what an older GPU would need.
int lowest_architecture(std::string_view list) {
  int lowest = 0;
  while (!list.empty()) {
    int value = 0;
    std::from_chars(list.data(), list.data() + list.size(), value);
    if (value > 0 && (lowest == 0 || value < lowest)) lowest = value;
    list.remove_prefix(std::min(list.size(), list.find(';') == list.npos ? list.size() : list.find(';') + 1));
  }
  return lowest;
}

Finding check_device(const GpuBuild& build, const GpuDevice& device) {
  Finding finding{.name = "gpu",
                  .found = fmt::format("{}, compute capability {}, {}", device.name, capability(device.capability),
                                       size_text(device.memory))};
  const int wanted = lowest_architecture(build.architectures);
  if (device.capability < wanted) {
    finding.state = State::warning;
    finding.found += fmt::format("; the build is for {} and newer", capability(wanted));
    finding.advice =
        fmt::format("device = cpu works; for this GPU configure with -DCMAKE_CUDA_ARCHITECTURES={}", device.capability);
  }
  return finding;
}

}  // namespace

std::vector<Finding> check_gpu(const GpuBuild& build, const GpuProbe& probe) {
  if (build.cuda == 0) {
    Finding finding{.name = "gpu",
                    .found = "none in use: this build is without CUDA",
                    .state = State::absent,
                    .advice = "device = cpu works; a GPU takes a build with -DPC_CUDA=ON"};
    if (!probe.devices.empty()) {
      finding.state = State::warning;
      finding.found = fmt::format("this build is without CUDA, but here is {}", probe.devices.front().name);
      finding.advice = "configure with -DPC_CUDA=ON (it takes the CUDA toolkit and cuDNN) to use it";
    }
    return {finding};
  }
  std::vector<Finding> findings{check_driver(build, probe), check_runtime(build, probe), check_cudnn(build, probe)};
  for (const GpuDevice& device : probe.devices) findings.push_back(check_device(build, device));
  if (probe.devices.empty())
    findings.push_back({.name = "gpu", .found = "none found", .state = State::absent, .advice = "device = cpu works"});
  return findings;
}

}  // namespace pc::doctor
