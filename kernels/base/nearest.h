// "Did you mean": the name that is nearly the one that was typed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pc {

// The nearest of `names` by edit distance, if about a third of the bytes differ at most; the first of several. "": none.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

// The file or directory next to `path`, which does not exist, whose name is the nearest. "": none.
std::string nearest_path(const std::filesystem::path& path);

}  // namespace pc
