#include "kernels/runtime/select.h"

#include "kernels/base/error.h"

namespace pc {

void require_cpu(Device device) {
  if (device != Device::cpu)
    fail(Exit::usage, "this build has no CUDA; configure with -DPC_CUDA=ON or use device = cpu");
}

#if !PC_HAVE_CUDA
bool cuda_available() { return false; }
#endif

}  // namespace pc
