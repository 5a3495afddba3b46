#include "tools/dataset/fetch_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "data/cache_folder.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop.h"
#include "tools/fetch/credentials.h"
#include "tools/fetch/fetch.h"

namespace pc::dataset {
namespace {

struct Options {
  std::string name, folder;
  bool list = false, keep = false;
};

// Lines of text, and below them a bar for each kind of work.
class Display {
 public:
  explicit Display(std::string name) : name_(std::move(name)) {}

  void note(const std::string& line) {
    clear();
    pc::note("pcdata: {}: {}", name_, line);
  }
  void progress(const char* what, int64_t done, int64_t total) {
    if (what != what_) clear();
    constexpr int64_t kUnit = 1000;
    if (!bar_) bar_.emplace(fmt::format("{} {}", what, name_), total / kUnit, "kB");
    what_ = what;
    bar_->update(done / kUnit);
  }
  void clear() { bar_.reset(); }

 private:
  std::string name_;
  const char* what_ = nullptr;
  std::optional<cli::Progress> bar_;
};

void pause(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end && !cli::stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

void list() {
  for (const fetch::FetchItem& item : fetch::fetch_items()) {
    const auto file = data::default_cache_folder() / item.result;
    const bool there = is_file(file);
    fmt::print("{:<28} {:>4} MB  {}\n  from {}\n  license: {}\n", item.name, (item.bytes + 500'000) / 1'000'000,
               there ? "already there: " + file.string() : "not there yet", fetch::fetch_url(item), item.license);
  }
}

Exit run(const Options& o) {
  if (o.list) return list(), Exit::ok;
  if (o.name.empty()) fail(Exit::usage, "a name is needed; pcdata fetch --list shows those that are known");
  const fetch::FetchItem& item = fetch::find_fetch_item(o.name);

  Display display(item.name);
  const fetch::FetchHooks hooks{
      .progress = [&](const char* what, int64_t done, int64_t total) { display.progress(what, done, total); },
      .note = [&](const std::string& line) { display.note(line); },
      .stop = cli::stop_requested,
      .pause = pause,
  };
  cli::catch_stop_signals();
  const fetch::FetchOptions options{
      .folder = o.folder.empty() ? data::default_cache_folder() : std::filesystem::path(o.folder),
      .authorization = [&] { return item.host == fetch::Host::kaggle ? fetch::kaggle_authorization(hooks.note) : ""; },
      .keep = o.keep,
  };
  const auto file = fetch::fetch(item, options, fetch::http_transport(), hooks);
  display.clear();
  fmt::print("{}\n", file.string());
  return Exit::ok;
}

}  // namespace

Subcommand fetch_subcommand(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("fetch", "Download the Kaggle set or ImageNet weights, and print the file's path");
  CLI::Option* name =
      command->add_option("NAME", o->name, "fashion-product-images-small, resnet18, resnet34, resnet50 or resnet101");
  command->add_option("DIR", o->folder, "Where to put it; default: $XDG_CACHE_HOME/pc, else ~/.cache/pc");
  command
      ->add_flag("--list", o->list,
                 "Print the names with sizes, sources, licenses and whether they are in the default folder")
      ->excludes(name);
  command->add_flag("--keep", o->keep, "Keep the published .pth file next to the converted weights");
  command->footer(
      "Examples:\n  pcdata fetch resnet18\n  pcdata fetch fashion-product-images-small\n\n"
      "A Kaggle token is used where there is one: KAGGLE_API_TOKEN, KAGGLE_USERNAME and KAGGLE_KEY, or kaggle.json.\n"
      "Mirrors: PC_KAGGLE_URL and PC_WEIGHTS_URL replace the hosts; a Kaggle token goes to the mirror then.\n"
      "Exit codes: 0 done, 2 command line, 3 damaged file, 4 disk, 5 network, 6 limit, 75 stopped, run again.");
  return {command, [o] { return run(*o); }};
}

}  // namespace pc::dataset
