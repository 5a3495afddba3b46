// State dicts in PyTorch's .pth/.pt files, in the zip form that torch.save writes since 1.6 (pickle.h and data/zip.h say
// what is accepted, pickled_tensors.h which of the tensors are taken; stacked.h reads the form before it, pth_write.h
// writes this one).
#pragma once

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

}  // namespace pc
