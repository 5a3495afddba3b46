// Weight files of every supported form, told apart by what they hold and not by their names.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/safetensors.h"

namespace pc::weights {

struct WeightOptions {
  // The digits in names like resnet18-f37072fd.pth, or else the CRC-32 of every record of a .pth file.
  bool check_hash = true;
};

struct AnyWeights {
  WeightFile file;
  std::string format;  // "safetensors", "pth" or "stacked pth"
};

// Maps and checks the file; the tensors get torchvision's names (names.h). Errors: Error(data) saying what the file is
// instead (not_weights.h), or what is wrong in it; Error(limit); Error(file) for the disk.
AnyWeights read_weights(const std::filesystem::path& path, const WeightOptions& options = {});

// The same for bytes in memory, kept alive by `owner`; `path` stands for the file and need not exist.
AnyWeights parse_weights(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                         const std::filesystem::path& path, const WeightOptions& options = {});

// By their first bytes. A safetensors file begins with the length of its header, which is below 2^32, and then the
// header, a JSON object; the length may look as another format begins.
bool looks_like_pth(std::span<const std::byte> bytes);
bool looks_like_safetensors(std::span<const std::byte> bytes);

// A path that ends in .pth or .pt, in any case, gets the zip form of torch.save, any other safetensors.
void write_weights(const std::filesystem::path& path, const WeightFile& file);
bool is_pth_name(const std::filesystem::path& path);

// Reads `in` and writes it to `out`; returns what was written. Errors as for read_weights and write_weights.
AnyWeights convert_weights(const std::filesystem::path& in, const std::filesystem::path& out,
                           const WeightOptions& options = {});

}  // namespace pc::weights
