// pctrain config.ini: trains a classifier on labeled pictures, or resumes an interrupted run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "tools/cli/program.h"
#include "tools/report/report.h"
#include "tools/runs/train_config.h"
#include "tools/train/trainer.h"

int main(int argc, char** argv) {
  return pc::cli::run_program("pctrain", [&] {
    CLI::App app{"Trains a classifier of product pictures.", "pctrain"};
    std::string path;
    std::vector<std::string> overrides;
    bool dry = false, find = false, report = false, print = false, help = false;
    app.add_option("config", path, "INI file; see tools/configs/");
    app.add_option("--set", overrides, "section.key=value, in place of what the file says; may be repeated");
    app.add_flag("--dry-run", dry, "send one batch through every stage and print shapes and memory; writes no run");
    app.add_flag(
        "--lr-find", find,
        "try rising learning rates for up to 200 steps, write lr_find.csv and lr_find.svg and print the line to use");
    app.add_flag("--report", report, "write report.html and confusion.csv of a finished run again");
    app.add_flag("--print-config", print, "print every key with its meaning and its value, and end");
    app.add_flag("--help-config", help,
                 "print every key that the INI file may have: what it wants, its default, its meaning");
    if (!pc::cli::parse_command_line(app, argc, argv)) return pc::Exit::ok;
    pc::runs::TrainConfig config;
    if (help) {
      fmt::print("{}", pc::cli::config_help(config.keys()));
      return pc::Exit::ok;
    }
    if (path.empty())
      pc::fail(pc::Exit::usage, "which configuration? pctrain config.ini; see tools/configs/ and --help-config");
    config.read(path, overrides);
    if (print) {
      fmt::print("{}", pc::cli::to_ini(config.keys(), true));
      return pc::Exit::ok;
    }
    if (!dry && !find && !report) return pc::train::train(config);
    if (dry) pc::train::dry_run(config);
    if (find) pc::train::find_rate(config);
    if (report) pc::report::report_again(config);
    return pc::Exit::ok;
  });
}
