// Guesses the real type of a mislabeled file.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pc {

// For a message: "it looks like HTML: a web page was saved in its place; download it again", "it is a Git LFS pointer;
// fetch the file itself with: git lfs pull", "it is packed with xz; unpack it first", "it looks like JPEG". Empty for
// text and for what is not known.
std::string file_type_hint(std::span<const std::byte> bytes);

// "not a zip archive", followed by the hint if there is one.
std::string not_a(std::string_view expected, std::span<const std::byte> bytes);

}  // namespace pc
