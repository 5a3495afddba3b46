// State dicts in PyTorch's .pth/.pt files: the zip form that torch.save writes since 1.6, and the stacked form before
// it (pickle.h and data/zip.h say what is accepted, pickled_tensors.h which of the tensors are taken).
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/safetensors.h"

namespace pc {

struct PthOptions {
  bool check_crc = true;  // torch.serialization.set_crc32_options(False) writes files without usable checksums
};

// The zip form. `owner` keeps `bytes` alive, `file` stands for the file in messages. Errors: Error(data) naming the
// record, opcode or tensor; Error(limit).
WeightFile parse_pth(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file,
                     const PthOptions& options = {});

// The stacked form; false where `bytes` do not begin with its magic number.
bool is_stacked(std::span<const std::byte> bytes);
WeightFile parse_stacked(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file);

// An OrderedDict of the tensors in the zip form, as torch.load (weights_only too) and load_state_dict(strict=True) take
// it: deterministic and atomic, each storage 64-byte aligned. The metadata stay behind: a state dict has no place for
// them. Error(data) for duplicate or non-UTF-8 names, Error(limit) over 4 GB or 65,000 tensors, Error(file).
void write_pth(const std::filesystem::path& path, const WeightFile& file);

}  // namespace pc
