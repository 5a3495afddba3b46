// Writes safetensors files.
#pragma once

#include <filesystem>

#include "engine/safetensors.h"

namespace pc {

// Deterministic and atomic: the same tensors in any order give the same file. Wider types come first, then names in
// byte order, so every tensor is aligned to its type. Error(data) for a duplicate, reserved or non-UTF-8 name,
// Error(limit) over kMaxHeaderBytes, Error(file) for the disk, and where
// the tensors lie in a file that changed.
void write_safetensors(const std::filesystem::path& path, const WeightFile& file);

}  // namespace pc
