// pcdata sample: draws a made-up data set.
#pragma once

#include "tools/dataset/subcommand.h"

namespace pc {

Subcommand sample_subcommand(CLI::App& app);

}  // namespace pc
