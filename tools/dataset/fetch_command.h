// pcdata fetch: downloads the Kaggle set and ImageNet weights.
#pragma once

#include "tools/dataset/subcommand.h"

namespace pc {

Subcommand fetch_subcommand(CLI::App& app);

}  // namespace pc
