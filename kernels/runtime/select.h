// PC_KERNELS(conv2d, device): the table of one op on one device. A build without CUDA does not reference the CUDA
// tables.
#pragma once

#include "kernels/runtime/dtype.h"

namespace pc {

// True if the build has CUDA and the machine has a usable GPU.
bool cuda_available();

// Throws Error(usage) unless the device is the CPU: this build has no CUDA.
void require_cpu(Device device);

}  // namespace pc

#if PC_HAVE_CUDA
#define PC_KERNELS(op, device) ((device) == ::pc::Device::cuda ? ::pc::op##_cuda : ::pc::op##_cpu)
#else
#define PC_KERNELS(op, device) (::pc::require_cpu(device), ::pc::op##_cpu)
#endif
