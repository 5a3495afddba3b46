// Image or junk file, by name alone.
#pragma once

#include <string>

namespace pc {

// Junk files that systems leave behind: __MACOSX, .DS_Store, Thumbs.db, desktop.ini, hidden files.
bool is_junk(const std::string& path);

// .jpg, .jpeg, .png, … in any case; the formats that are refused by name are images too.
bool has_image_name(const std::string& path);

}  // namespace pc
