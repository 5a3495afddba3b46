// What people hand over in place of weights.
#pragma once

#include <string>
#include <string_view>

namespace pc {

// What the file is instead and the way out: "a gzip file; unpack it first". Empty where nothing is known. Only for
// files that do not look like weights: a few safetensors begin as other formats do.
std::string known_stranger(std::string_view file);

}  // namespace pc
