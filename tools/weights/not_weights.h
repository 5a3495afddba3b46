// What people hand over in place of weights.
#pragma once

#include <span>
#include <string>

namespace pc::weights {

// "not weights; it is a NumPy array, …": what the file is instead and the way out. What stands in place of any file is
// described by data/file_type_hint.h. Empty where nothing is known. Only for files that do not look like weights: a few
// safetensors begin as other formats do.
std::string not_weights(std::span<const std::byte> file);

}  // namespace pc::weights
