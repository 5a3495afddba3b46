// pcdata pack: makes the packed store ahead of time.
#pragma once

#include "tools/dataset/subcommand.h"

namespace pc {

Subcommand pack_subcommand(CLI::App& app);

}  // namespace pc
