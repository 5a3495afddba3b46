// pctrain DATA or pctrain CONFIG.ini: trains a classifier on labeled images, or resumes an interrupted run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <optional>

#include "tools/cli/hints.h"
#include "tools/cli/program.h"
#include "tools/report/report.h"
#include "tools/runs/train_config.h"
#include "tools/runs/train_flags.h"
#include "tools/train/trainer.h"

namespace pc::train {
namespace {

struct Options {
  std::string path;
  std::vector<std::optional<std::string>> flags;  // in the order of train_flags()
  std::vector<std::string> overrides;
  bool dry_run = false, find_rate = false, report = false, print_config = false, help_config = false;
};

const cli::ConfigKey& last_key(const runs::TrainFlag& flag, const std::vector<cli::ConfigKey>& keys) {
  for (const cli::ConfigKey& key : keys)
    if (key.section + "." + key.key == flag.keys.back()) return key;
  fail(Exit::usage, fmt::format("{}: no key {}", flag.name, flag.keys.back()));
}

// "a whole number from 1 to 1000000000" in the few words of a help.
std::string short_form(std::string wants) {
  if (wants == "text" || wants.starts_with("a list")) return "";
  for (const char* start : {"one of ", "a whole number from ", "a number from "})
    if (wants.starts_with(start)) wants.erase(0, std::strlen(start));
  const std::string no_limit = " to 1000000000";
  return wants.ends_with(no_limit) ? wants.substr(0, wants.size() - no_limit.size()) + " or more" : wants;
}

void add_flag(CLI::App& app, const runs::TrainFlag& flag, const cli::ConfigKey& key,
              std::optional<std::string>& value) {
  std::string help = flag.help ? flag.help : key.help;
  help[0] = char(std::toupper(help[0]));
  const std::string wants = short_form(key.wants);
  app.add_option(flag.name, value, help)
      ->type_name(flag.placeholder + (wants.empty() ? "" : ":" + wants))
      ->default_str(key.key == "name" ? "that of DATA" : key.get());
}

bool parse(Options& o, int argc, char** argv) {
  CLI::App app{"Train a classifier of product images.", "pctrain"};
  app.option_defaults()->group("Usual keys");
  app.add_option("PATH", o.path,
                 "A data set (a folder, or a .zip), or a configuration (an INI file, as in tools/configs/)");
  runs::TrainConfig defaults;
  const auto keys = defaults.keys();
  o.flags.resize(runs::train_flags().size());
  for (std::size_t i = 0; i < o.flags.size(); ++i) {
    const runs::TrainFlag& flag = runs::train_flags()[i];
    add_flag(app, flag, last_key(flag, keys), o.flags[i]);
  }
  app.option_defaults()->group("All keys");
  app.add_option("--set", o.overrides, "Set any key, in place of what the file says; may be repeated")
      ->type_name("SECTION.KEY=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--print-config", o.print_config, "Print every key with its meaning and its value");
  app.add_flag("--help-config", o.help_config,
               "Print every key that the INI file may have: what it requires, its default, its meaning");
  app.option_defaults()->group("Instead of training");
  app.add_flag("--dry-run", o.dry_run,
               "Send one batch through every stage, print the sizes of model, heads and memory; write no run");
  app.add_flag(
      "--lr-find", o.find_rate,
      "Try rising learning rates for up to 200 steps, write lr_find.csv and lr_find.svg, print the rate to use");
  app.add_flag("--report", o.report, "Write report.html and confusion.csv of a finished run again");
  app.footer(
      "Examples:\n"
      "  pctrain photos/ --epochs 20\n"
      "  pctrain shop.zip --labels masterCategory,articleType --weights resnet18\n"
      "  pctrain tools/configs/fashion.ini --set data.root=shop.zip\n\n"
      "The same command resumes a run that was stopped.\n"
      "Exit codes: 0 done, 2 usage, 3 bad data, 4 file, 6 limit, 7 the loss is not finite, 75 stopped.");
  cli::add_hints(app, {{"--resume", "the same command resumes a run that was stopped"},
                       {"--config", "name the file itself: pctrain CONFIG.ini"},
                       {"--data", "name the data set itself: pctrain DATA"},
                       {"--imgsz", "--size N is the input size"},
                       {"--amp", "--precision bf16 or f16 is mixed precision"}});
  return cli::parse_command_line(app, argc, argv);
}

// Later entries count: the file or the data set, then the flags, then --set.
void read(const Options& o, runs::TrainConfig& config) {
  std::vector<cli::IniEntry> entries;
  if (o.path.empty() && o.overrides.empty())
    fail(Exit::usage, "what to train on? pctrain DATA or pctrain CONFIG.ini; see --help");
  if (!o.path.empty()) entries = runs::is_data(o.path) ? runs::entries_of_data(o.path) : cli::read_ini(o.path);
  for (std::size_t i = 0; i < o.flags.size(); ++i)
    if (o.flags[i])
      for (const cli::IniEntry& entry : runs::entries_of(runs::train_flags()[i], *o.flags[i])) entries.push_back(entry);
  for (const std::string& text : o.overrides) entries.push_back(cli::parse_override(text));
  config.apply(o.path.empty() ? "--set" : o.path, entries);
}

Exit run(const Options& o) {
  runs::TrainConfig config;
  if (o.help_config) {
    fmt::print("{}", cli::config_help(config.keys()));
    return Exit::ok;
  }
  read(o, config);
  if (o.print_config) {
    fmt::print("{}", cli::to_ini(config.keys(), true));
    return Exit::ok;
  }
  if (!o.dry_run && !o.find_rate && !o.report) return train(config);
  if (o.dry_run) dry_run(config);
  if (o.find_rate) find_rate(config);
  if (o.report) report::report_again(config);
  return Exit::ok;
}

}  // namespace
}  // namespace pc::train

int main(int argc, char** argv) {
  return pc::cli::run_program("pctrain", [&] {
    pc::train::Options options;
    return pc::train::parse(options, argc, argv) ? pc::train::run(options) : pc::Exit::ok;
  });
}
