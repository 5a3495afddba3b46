// The names of what is still being written, so that what a dead process left can be told and swept.
#pragma once

#include <filesystem>

namespace pc {

std::filesystem::path temporary_for(std::filesystem::path path);  // PATH.tmp.PID, in the same folder
bool is_temporary(const std::filesystem::path& path);             // by its name

// Removes the temporary files of this folder and those below, whoever made them: only for a folder where nobody else
// writes now. What cannot be listed or removed stays.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace pc
