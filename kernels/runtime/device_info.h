// device_info: what a device is and which libraries serve it, as one JSON object for reports.
#pragma once

#include <string>

#include "kernels/runtime/select.h"

namespace pc {

struct DeviceDescription {
  // CPU: name, cores, flags. CUDA: driver, runtime and cuDNN versions, the libraries that this process has loaded, and
  // `properties`, the device as cuDNN describes it (what tests/cuda/h100_devprop.json plans for).
  std::string (*describe)();
};
extern const DeviceDescription device_info_cpu, device_info_cuda;

}  // namespace pc
