// The names of what is still being written, so that what a dead process left can be told from what a living one writes, and swept.
//
// A temporary is locked (flock) for as long as it is written; whoever gets the lock knows that its writer is gone. That holds for processes
// of other containers and machines too, which the number in the name does not.
#pragma once

#include <filesystem>

#include "kernels/base/descriptor.h"

namespace pc {

std::filesystem::path temporary_for(std::filesystem::path path);  // PATH.tmp.PID, in the same folder
bool is_temporary(const std::filesystem::path& path);             // by its name: it ends with ".tmp." and digits

// Makes and locks the file or folder, in place of one that a dead process left under this name. The lock lasts as long as the descriptor.
// Error(file) "cannot create PATH: …".
Descriptor create_temporary(const std::filesystem::path& temporary);
Descriptor create_temporary_folder(const std::filesystem::path& temporary);

// Removes the temporaries of PATH that nobody writes any more. What cannot be listed or removed stays.
void sweep_temporaries_of(const std::filesystem::path& path);

// The same for all temporaries in a folder and those below: only for a folder of our own, where no other names end like that.
void sweep_temporaries(const std::filesystem::path& folder);

}  // namespace pc
