// The stacked form of torch.save, written until PyTorch 1.5 and on request since: four pickles (magic number, protocol
// number, facts of the system, the value), a pickled list of storage keys, and behind it for each key its number of
// elements and its bytes.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/safetensors.h"

namespace pc {

// False where `bytes` do not begin with its magic number.
bool is_stacked(std::span<const std::byte> bytes);

// As parse_pth.
WeightFile parse_stacked(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file);

}  // namespace pc
