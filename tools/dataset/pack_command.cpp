#include "tools/dataset/pack_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "data/describe.h"
#include "data/store.h"
#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "tools/cli/progress.h"
#include "tools/cli/validators.h"

namespace pc::dataset {
namespace {

struct Options {
  std::string root, cache;
  int height = 80, width = 60, threads = 0;
};

Exit pack(const Options& o) {
  if (o.threads > 0) set_thread_count(o.threads);
  const data::DataSet data = data::open_dataset(o.root, {});
  data::print_description(data);
  const data::StoreSettings settings = data::store_settings(o.height, o.width);
  note("pack: short sides of {} pixels at most, for runs with --size {}x{} (--width and --height choose another size)",
       settings.short_side, o.width, o.height);
  std::shared_ptr<const data::ImageStore> store;
  {
    cli::Progress progress("packing", int64_t(data.catalog.items.size()));
    store = data::open_store(data, settings, o.cache, [&](int64_t done, int64_t) { progress.update(done); });
  }
  for (const data::BadImage& bad : store->bad()) warn("pcdata: skipped {}", bad.reason);
  fmt::print("{}: {} images, {} unreadable\n", store->path().string(), store->size(), store->bad().size());
  return Exit::ok;
}

}  // namespace

Subcommand pack_subcommand(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("pack", "Decode every image into the packed store that pctrain maps");
  command->add_option("DATA", o->root, "Kaggle layout (zip or folder), one folder per class, or IDX files")->required();
  command->add_option("--cache", o->cache, "Folder of the store; default: $XDG_CACHE_HOME/pc, else ~/.cache/pc")
      ->type_name("DIR");
  command->add_option("--height", o->height, "Input height of the runs to come, their model.height")
      ->capture_default_str()
      ->check(cli::between(16, 1024));
  command->add_option("--width", o->width, "Input width of the runs to come, their model.width")
      ->capture_default_str()
      ->check(cli::between(16, 1024));
  command->add_option("--threads", o->threads, "CPU threads; 0: one per core")
      ->capture_default_str()
      ->check(cli::between(0, 1024));
  return {command, [o] { return pack(*o); }};
}

}  // namespace pc::dataset
