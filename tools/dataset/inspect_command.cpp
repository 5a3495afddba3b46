#include "tools/dataset/inspect_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "data/describe.h"
#include "data/name_key.h"
#include "kernels/base/file.h"
#include "kernels/base/parallel.h"
#include "tools/cli/json.h"
#include "tools/cli/output_file.h"
#include "tools/cli/progress.h"
#include "tools/cli/validators.h"
#include "tools/dataset/inspect_html.h"
#include "tools/dataset/inspect_json.h"
#include "tools/dataset/inspect_text.h"

namespace pc::dataset {
namespace {

struct Options {
  std::string root, html;
  std::vector<std::string> labels;
  int top = 10, threads = 0;
  bool json = false, force = false;
};

// All columns of a table that are labels: not the key, the index that pandas writes, and the two that differ from product
// to product.
std::vector<std::string> label_columns(const data::Catalog& catalog) {
  std::vector<std::string> columns;
  for (const std::string& name : catalog.columns_there) {
    const std::string key = data::name_key(name);
    if (key != "id" && key != "year" && key != "productdisplayname" && !key.starts_with("unnamed: "))
      columns.push_back(name);
  }
  return columns;
}

data::DataSet open_with_labels(const Options& o) {
  data::DataSet data = data::open_dataset(o.root, o.labels);
  return data.catalog.columns.empty() ? data::open_dataset(o.root, label_columns(data.catalog)) : data;
}

Exit run(const Options& o) {
  if (!o.html.empty()) cli::check_output(o.html, {".html", ".htm"}, o.force);
  if (o.threads > 0) set_thread_count(o.threads);
  const data::DataSet data = open_with_labels(o);
  data::print_description(data);
  Inspection found;
  {
    cli::Progress progress("inspecting", int64_t(data.catalog.items.size()));
    found = inspect(data, [&](int64_t done, int64_t) { progress.update(done); });
  }
  const std::string name = std::filesystem::path(o.root).filename().string();
  if (!o.html.empty()) write_file_atomically(o.html, inspection_html(name, data, found));
  if (o.json)
    fmt::print("{}\n", cli::one_line(inspection_json(name, data, found)));
  else
    fmt::print("{}", inspection_text(name, data, found, std::size_t(o.top), cli::terminal_of(stdout)));
  if (found.readable == 0) fail(Exit::data, fmt::format("{}: none of the {} images can be read", name, found.pictures));
  return Exit::ok;
}

}  // namespace

Subcommand inspect_subcommand(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("inspect", "Report what is in a data set and what is wrong with it");
  command->add_option("DATA", o->root, "Kaggle layout (zip or folder), one folder per class, or IDX files")->required();
  command->add_option("--labels", o->labels, "Label columns; default: all of them")->type_name("A,B")->delimiter(',');
  command->add_option("--top", o->top, "Classes, groups and images to list of each kind; 0: all")
      ->capture_default_str()
      ->check(cli::between(0, 1'000'000));
  command->add_option("--html", o->html, "Write the report, with thumbnails, as one HTML page")->type_name("FILE");
  cli::add_force(*command, o->force);
  command->add_flag("--json", o->json, "Print one JSON object instead of tables");
  command->add_option("--threads", o->threads, "CPU threads; 0: one per core")
      ->capture_default_str()
      ->check(cli::between(0, 1024));
  command->footer("Exit codes: 0, also if defects are found; 2 usage; 3 no image can be read, or no data set; 4 file.");
  return {command, [o] { return run(*o); }};
}

}  // namespace pc::dataset
