// Weight files of every supported form, told apart by what they hold and not by their names.
#pragma once

#include <filesystem>
#include <string>

#include "engine/safetensors.h"

namespace pc {

struct WeightOptions {
  bool check_hash =
      true;  // the digits in names like resnet18-f37072fd.pth, and the CRC-32 of every record of a .pth file
};

struct AnyWeights {
  WeightFile file;
  std::string format;  // "safetensors" or "pth"
};

// Maps and checks the file. "module.", which DataParallel puts before every name, is taken off. Errors: Error(data)
// saying what the file is instead (web page, Git LFS pointer, truncated download, older forms), or what is wrong in it;
// Error(file) for the disk.
AnyWeights read_weights(const std::filesystem::path& path, const WeightOptions& options = {});

// Reads `in` and writes it to `out` as safetensors; returns what was written. Errors as for read_weights and
// write_safetensors.
AnyWeights convert_weights(const std::filesystem::path& in, const std::filesystem::path& out,
                           const WeightOptions& options = {});

}  // namespace pc
