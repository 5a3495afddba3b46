// A subcommand of pcdata. Each NAME_command.h has a function that adds one with its options to the app.
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

}  // namespace pc
