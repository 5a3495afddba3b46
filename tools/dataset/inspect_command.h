// pcdata inspect: reports what a data set holds, and its defects.
#pragma once

#include "tools/dataset/subcommand.h"

namespace pc {

Subcommand inspect_subcommand(CLI::App& app);

}  // namespace pc
