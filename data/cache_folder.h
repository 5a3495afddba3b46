// Where downloads and packed images go.
#pragma once

#include <filesystem>

namespace pc::data {

// $XDG_CACHE_HOME/pc, else ~/.cache/pc. Without either pc-cache-UID in the temporary folder, where anybody may have taken
// the name: it is made for this user alone, and Error(file) if it is not a folder of this user that others cannot enter.
std::filesystem::path default_cache_folder();

}  // namespace pc::data
