// Names of tensors as other libraries write them, turned into torchvision's.
#pragma once

#include <string>

#include "engine/safetensors.h"

namespace pc::weights {

// Takes off "module." (DataParallel, AveragedModel and its n_averaged) and "_orig_mod." (torch.compile) where every
// name has them, and renames the members of Hugging Face's ResNets. timm's plain ResNets have torchvision's names
// already. Error(data) where two tensors end up with one name; `path` stands for the file.
void use_torchvision_names(WeightFile& file, const std::string& path);

}  // namespace pc::weights
