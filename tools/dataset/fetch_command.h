// pcdata fetch: downloads the Kaggle set and ImageNet weights.
#pragma once

#include "tools/dataset/subcommand.h"

namespace pc::dataset {

Subcommand fetch_subcommand(CLI::App& app);

}  // namespace pc::dataset
