// What a file is that is not what its name promises.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pc {

// For the end of a message: "looks like HTML: a web page was saved in its place; download it again", "is a Git LFS
// pointer; fetch the file itself with: git lfs pull", "is empty", "looks like JPEG", "is of an unknown kind".
std::string describe_stranger(std::span<const std::byte> bytes);

}  // namespace pc
