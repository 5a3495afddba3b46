// Advisory locks of files (flock): one holder at a time, given back when the descriptor closes or the process ends.
#pragma once

#include <filesystem>

#include "kernels/base/descriptor.h"

namespace pc {

enum class Lock {
  taken,        // this descriptor holds it
  held,         // another one does, of this process or another
  unsupported,  // the file system has no locks (NFS without its lock daemon); errno says how it said so
};

// Tries to lock the open file; never waits for another holder.
Lock try_lock(const Descriptor& fd);

// False if PATH no longer leads to the open file: whoever held the lock before removed or replaced it between our open and our lock. True
// also if that cannot be found out.
bool still_named(const Descriptor& fd, const std::filesystem::path& path);

}  // namespace pc
