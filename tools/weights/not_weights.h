// What people hand over in place of weights.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace pc::weights {

// "not weights; it is a NumPy array, …": what the file is instead and the way out. What stands in place of any file is
// described by data/file_type_hint.h. Empty where nothing is known. Only for files that do not look like weights: a few
// safetensors begin as other formats do.
std::string not_weights(std::span<const std::byte> file);

// The same without "not weights; "; perhaps without a way out.
std::string what_instead(std::span<const std::byte> file);

// What what_instead() says, and `way_out` where that names none.
std::string with_way_out(const std::string& what, const std::string& way_out);

// Error(file) where a directory was given in place of a file: "DIR: a directory; its model is DIR/model.safetensors".
void refuse_folder(const std::filesystem::path& path);

}  // namespace pc::weights
