// pcdata: everything around a data set before a model sees it.
#include <CLI/CLI.hpp>

#include "tools/cli/program.h"
#include "tools/dataset/fetch_command.h"
#include "tools/dataset/inspect_command.h"
#include "tools/dataset/pack_command.h"
#include "tools/dataset/sample_command.h"
#include "tools/dataset/unpack_command.h"

int main(int argc, char** argv) {
  return pc::run_program("pcdata", [&] {
    CLI::App app{"Prepares data sets of product pictures.", "pcdata"};
    app.require_subcommand(1);
    const pc::Subcommand subcommands[] = {pc::fetch_subcommand(app), pc::unpack_subcommand(app),
                                          pc::inspect_subcommand(app), pc::pack_subcommand(app),
                                          pc::sample_subcommand(app)};
    if (!pc::parse_command_line(app, argc, argv)) return pc::Exit::ok;
    for (const pc::Subcommand& s : subcommands)
      if (s.app->parsed()) return s.run();
    return pc::Exit::usage;  // not reached: require_subcommand
  });
}
