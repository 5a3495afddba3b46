// device_info: a device and the libraries in use, as one JSON object for reports.
#pragma once

#include <string>

#include "kernels/runtime/select.h"

namespace pc {

struct DeviceDescription {
  // CPU: name, cores, flags. CUDA: driver, runtime and cuDNN versions, the libraries that this process has loaded, and
  // `properties`, the device as cuDNN describes it (as in tests/cuda/h100_devprop.json).
  std::string (*describe)();
};
extern const DeviceDescription device_info_cpu, device_info_cuda;

}  // namespace pc
