// The judgements of pcdoctor: facts in, a finding out. Facts come from kernels/runtime/probe.h, facts.h and the disk.
#pragma once

#include <filesystem>
#include <vector>

#include "kernels/base/system.h"
#include "kernels/runtime/probe.h"
#include "tools/doctor/finding.h"

namespace pc {

Finding check_cpu(const std::string& model, const std::vector<CpuFeature>& features);
Finding check_threads(const CpuFacts& facts);
Finding check_memory(const MemoryFacts& facts);

// Whether files can be made in `folder`, which need not exist yet, and how much space is free.
Finding check_space(const std::string& name, const std::filesystem::path& folder);
// What pcdata fetch left in the cache folder, and Debian's Fashion-MNIST in `datasets`.
Finding check_weights(const std::filesystem::path& cache);
Finding check_data(const std::filesystem::path& cache, const std::filesystem::path& datasets);

// All of them, about this machine.
std::vector<Finding> examine();

}  // namespace pc
