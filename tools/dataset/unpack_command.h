// pcdata unpack: an archive of pictures becomes a folder, whole or not at all.
#pragma once

#include "tools/dataset/subcommand.h"

namespace pc {

Subcommand unpack_subcommand(CLI::App& app);

}  // namespace pc
