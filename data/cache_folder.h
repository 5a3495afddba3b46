// Where downloads and packed images go.
#pragma once

#include <filesystem>

namespace pc {

// $XDG_CACHE_HOME/pc, else ~/.cache/pc, else pc-cache in the temporary folder.
std::filesystem::path default_cache_folder();

}  // namespace pc
