// What the programs would find of NVIDIA's on this machine.
#pragma once

#include <vector>

#include "kernels/runtime/probe.h"
#include "tools/doctor/finding.h"

namespace pc {

// One line for a build without CUDA; else driver, libraries and each GPU. All of it is a warning as long as the
// programs start and the CPU can do the work.
std::vector<Finding> check_gpu(const GpuBuild& build, const GpuProbe& probe);

}  // namespace pc
