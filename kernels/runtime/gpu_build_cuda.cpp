// The versions of NVIDIA's headers that this build was compiled against.
#include <cuda_runtime.h>
#include <cudnn.h>

#include "kernels/runtime/probe.h"

namespace pc {

GpuBuild gpu_build() {
  return {.cuda = CUDART_VERSION, .cudnn = CUDNN_VERSION, .architectures = PC_CUDA_ARCHITECTURES};
}

}  // namespace pc
