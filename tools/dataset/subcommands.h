// The subcommands of pcdata. Each adds itself with its options to the app, and says what to do when it was called.
#pragma once

#include <functional>

#include "kernels/base/error.h"

namespace CLI {
class App;
}

namespace pc {

struct Subcommand {
  const CLI::App* app;  // parsed() tells whether it was called
  std::function<Exit()> run;
};

Subcommand fetch_subcommand(CLI::App& app);    // downloads the Kaggle set and ImageNet weights
Subcommand inspect_subcommand(CLI::App& app);  // reports what a data set holds, and its defects
Subcommand pack_subcommand(CLI::App& app);     // makes the packed store ahead of time
Subcommand sample_subcommand(CLI::App& app);   // draws a made-up data set
Subcommand unpack_subcommand(CLI::App& app);   // an archive as a folder

}  // namespace pc
