// pcdata: everything around a data set before a model sees it.
#include <CLI/CLI.hpp>

#include "tools/cli/program.h"
#include "tools/dataset/fetch_command.h"
#include "tools/dataset/inspect_command.h"
#include "tools/dataset/pack_command.h"
#include "tools/dataset/sample_command.h"
#include "tools/dataset/unpack_command.h"

int main(int argc, char** argv) {
  return pc::cli::run_program("pcdata", [&] {
    CLI::App app{"Fetch, inspect, pack and draw data sets of product images.", "pcdata"};
    app.require_subcommand(1);
    const pc::dataset::Subcommand subcommands[] = {
        pc::dataset::fetch_subcommand(app), pc::dataset::unpack_subcommand(app), pc::dataset::inspect_subcommand(app),
        pc::dataset::pack_subcommand(app), pc::dataset::sample_subcommand(app)};
    app.footer(
        "Examples:\n  pcdata fetch resnet18\n  pcdata inspect --html report.html photos/\n\npcdata COMMAND --help "
        "describes a command.");
    if (!pc::cli::parse_command_line(app, argc, argv)) return pc::Exit::ok;
    for (const pc::dataset::Subcommand& s : subcommands)
      if (s.app->parsed()) return s.run();
    return pc::Exit::usage;  // not reached: require_subcommand
  });
}
