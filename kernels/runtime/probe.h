// What this build supports and what the machine has, found without running a kernel, so that it works when kernels do
// not.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pc {

// An instruction set extension: whether the CPU kernels were compiled for it, and whether this CPU has it.
struct CpuFeature {
  const char* name;  // GCC's: "avx512f"
  bool built, present;
};
std::vector<CpuFeature> cpu_features();

// Versions in NVIDIA's encoding: CUDA 12.4 is 12040, cuDNN 9.1.0 is 90100. 0: none.
struct GpuBuild {
  int cuda = 0, cudnn = 0;         // compiled against
  const char* architectures = "";  // CMake's list: "90" or "80;90"
};
GpuBuild gpu_build();

struct GpuDevice {
  std::string name;
  int capability = 0;  // 90 for 9.0
  std::size_t memory = 0;
};
struct GpuProbe {
  std::string driver_error;  // empty: there is a driver and it works
  int driver = 0, runtime = 0,
      cudnn = 0;  // the newest CUDA the driver can run; libraries of the build's major versions
  std::vector<GpuDevice> devices;
};
// Loads libcuda, libcudart and libcudnn through the loader's search path and queries their versions.
GpuProbe probe_gpu();

}  // namespace pc
