// State dicts in PyTorch's .pth/.pt files, the zip form that torch.save writes since 1.6 (pickle.h and data/zip.h say
// what is accepted).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/safetensors.h"

namespace pc {

struct PthOptions {
  bool check_crc = true;  // torch.serialization.set_crc32_options(False) writes files without usable checksums
};

// Contiguous tensors borrow the file's memory; views with other strides are gathered into memory of their own. `owner`
// keeps `bytes` alive, `file` stands for the file in messages.
//
// The state dict is the pickled dict itself or lies within it as state_dict_ema, model_ema, state_dict or model (the
// first of these, timm's order); Parameters are taken as their data. Errors: Error(data) naming the record, opcode or
// tensor; Error(limit) where the tensors together, shared and expanded storages written out, exceed four times the file
// and 64 MB.
WeightFile parse_pth(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file,
                     const PthOptions& options = {});

}  // namespace pc
