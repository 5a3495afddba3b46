// Names of tensors as other libraries write them, turned into torchvision's.
#pragma once

#include <string>

#include "engine/safetensors.h"

namespace pc::weights {

// Takes off what every name begins with: "module." (DataParallel, AveragedModel and its n_averaged), "_orig_mod."
// (torch.compile), "model.", "net.", "network.", "backbone.", "encoder.", and any other first part below which a network
// of ours lies; eight of them at most. Renames the members of Hugging Face's ResNets; timm's plain ResNets have
// torchvision's names already. Notes in the file say what was taken off. Error(data) where two tensors end up with one
// name; `path` stands for the file.
void use_torchvision_names(WeightFile& file, const std::string& path);

// For training: where a network of ours lies below a prefix that only some names have ("backbone." beside "head."), leaves
// it alone in the file, without the prefix; of several the first whose prefix speaks of an average (EMA), else the first.
// A note says so.
void take_network(WeightFile& file);

}  // namespace pc::weights
