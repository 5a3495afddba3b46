// The subcommands of a program, in the order of the help.
#pragma once

#include <CLI/CLI.hpp>

namespace pc::cli {

// All that there are; CLI11's get_subcommands() without a filter has those of the parsed command line. `App` may be const.
template <class App>
auto all_subcommands(App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

}  // namespace pc::cli
