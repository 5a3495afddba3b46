// Writing of .pth: the pickle of a state dict, and the zip of torch.save around it.
#pragma once

#include <filesystem>

#include "engine/safetensors.h"

namespace pc {

// An OrderedDict of the tensors in the zip form, as torch.load (weights_only too) and load_state_dict(strict=True) take
// it: deterministic and atomic, each storage 64-byte aligned. The metadata stay behind: a state dict has no place for
// them. Error(data) for duplicate or non-UTF-8 names, Error(limit) over 4 GB or 65,000 tensors, Error(file).
void write_pth(const std::filesystem::path& path, const WeightFile& file);

}  // namespace pc
