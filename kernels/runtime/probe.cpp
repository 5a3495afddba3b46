// Queries the driver through its own library, loaded at run time, so that a build without CUDA can do it too.
#include "kernels/runtime/probe.h"

#include <dlfcn.h>

#include "kernels/runtime/built_for.h"

namespace pc {
namespace {

// A shared library, loaded while this exists; false if it cannot be loaded.
class Library {
 public:
  explicit Library(const std::string& file) : handle_(dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL)) {}
  ~Library() {
    if (handle_) dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  explicit operator bool() const { return handle_; }

  // The result of the function `name`; -1 if the library has no such function.
  template <class Result = int, class... Arguments>
  Result call(const char* name, Arguments... arguments) const {
    void* function = handle_ ? dlsym(handle_, name) : nullptr;
    return function ? reinterpret_cast<Result (*)(Arguments...)>(function)(arguments...) : Result(-1);
  }

 private:
  void* handle_;
};

// CUresult 0 is success. cuInit() of a driver that is too new or too old for its kernel module fails.
void probe_driver(GpuProbe& probe) {
  const Library driver("libcuda.so.1");
  if (!driver) {
    probe.driver_error = "no NVIDIA driver (libcuda.so.1)";
    return;
  }
  driver.call("cuDriverGetVersion", &probe.driver);
  if (const int status = driver.call("cuInit", 0u); status != 0) {
    probe.driver_error = "the NVIDIA driver does not start (cuInit: CUDA error " + std::to_string(status) + ")";
    return;
  }
  constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;  // CUdevice_attribute
  int count = 0;
  driver.call("cuDeviceGetCount", &count);
  for (int i = 0; i < count; ++i) {
    GpuDevice device;
    int handle = 0, major = 0, minor = 0;
    char name[256] = {};
    driver.call("cuDeviceGet", &handle, i);
    driver.call("cuDeviceGetName", &name[0], int(sizeof name), handle);
    driver.call("cuDeviceGetAttribute", &major, kCapabilityMajor, handle);
    driver.call("cuDeviceGetAttribute", &minor, kCapabilityMinor, handle);
    driver.call("cuDeviceTotalMem_v2", &device.memory, handle);
    device.name = name;
    device.capability = 10 * major + minor;
    probe.devices.push_back(device);
  }
}

}  // namespace

std::vector<CpuFeature> cpu_features() {
  __builtin_cpu_init();
  const BuiltFor& b = built_for;
  return {{"avx2", b.avx2, __builtin_cpu_supports("avx2") != 0},
          {"fma", b.fma, __builtin_cpu_supports("fma") != 0},
          {"f16c", b.f16c, __builtin_cpu_supports("f16c") != 0},
          {"bmi2", b.bmi2, __builtin_cpu_supports("bmi2") != 0},
          {"avx512f", b.avx512f, __builtin_cpu_supports("avx512f") != 0},
          {"avx512bw", b.avx512bw, __builtin_cpu_supports("avx512bw") != 0},
          {"avx512dq", b.avx512dq, __builtin_cpu_supports("avx512dq") != 0},
          {"avx512vl", b.avx512vl, __builtin_cpu_supports("avx512vl") != 0},
          {"avx512vbmi", b.avx512vbmi, __builtin_cpu_supports("avx512vbmi") != 0},
          {"avx512vnni", b.avx512vnni, __builtin_cpu_supports("avx512vnni") != 0},
          {"avx512bf16", b.avx512bf16, __builtin_cpu_supports("avx512bf16") != 0}};
}

#if !PC_HAVE_CUDA
GpuBuild gpu_build() { return {}; }
#endif

GpuProbe probe_gpu() {
  GpuProbe probe;
  probe_driver(probe);
  const GpuBuild build = gpu_build();
  if (build.cuda == 0) return probe;
  Library("libcudart.so." + std::to_string(build.cuda / 1000)).call("cudaRuntimeGetVersion", &probe.runtime);
  const std::string major = std::to_string(build.cudnn / 10000);
  const Library cudnn("libcudnn.so." + major), part("libcudnn_graph.so." + major);
  // The front library ends the process if it cannot load the part that knows the version.
  if (cudnn && part) probe.cudnn = int(cudnn.call<std::size_t>("cudnnGetVersion"));
  return probe;
}

}  // namespace pc
