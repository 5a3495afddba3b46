// The GPU, its driver and the libraries behind the engine.
#include <fstream>
#include <set>
#include <vector>

#include "kernels/base/text.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/cudnn_graph.h"
#include "kernels/runtime/device_info.h"

namespace pc {
namespace {

// Files of CUDA libraries mapped into this process: two versions of one are the first thing to look for when it
// crashes.
std::set<std::string> loaded_libraries() {
  std::set<std::string> files;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    const std::string file = line.substr(slash);
    for (const char* name : {"/libcuda", "/libcudnn", "/libcublas"})
      if (file.find(name) != std::string::npos) files.insert(file);
  }
  return files;
}

std::string properties() {
  CudnnDescriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set_handle(CUDNN_ATTR_DEVICEPROP_HANDLE);
  device.finalize();
  const int64_t bytes = device.get(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0, nullptr);
  std::vector<char> json(std::size_t(bytes) + 1);
  device.get(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, bytes, json.data());
  return json.data();
}

std::string describe() {
  int driver = 0, runtime = 0;
  PC_CHECK(cudaDriverGetVersion(&driver));
  PC_CHECK(cudaRuntimeGetVersion(&runtime));
  const std::string device = properties();  // makes the handle, which loads cuDNN's parts
  std::string libraries;
  for (const std::string& file : loaded_libraries()) libraries += (libraries.empty() ? "" : ", ") + json_string(file);
  return "{\"driver\": " + std::to_string(driver) + ", \"runtime\": " + std::to_string(runtime) +
         ", \"cudnn\": " + std::to_string(cudnnGetVersion()) + ", \"libraries\": [" + libraries +
         "], \"properties\": " + device + "}";
}

}  // namespace

const DeviceDescription device_info_cuda{.describe = describe};

}  // namespace pc
