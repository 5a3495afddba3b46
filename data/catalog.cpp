// Which layout a data set has.
#include "data/catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/cache_folder.h"
#include "data/folders.h"
#include "data/idx.h"
#include "data/kaggle.h"
#include "data/table_files.h"
#include "data/tree.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/nearest.h"

namespace pc::data {

namespace {

// A relative root that does not exist may lie where pcdata fetch puts it.
std::filesystem::path find_root(const std::filesystem::path& root) {
  if (root.is_absolute() || path_exists(root)) return root;
  const std::filesystem::path fetched = default_cache_folder() / root;
  if (path_exists(fetched)) return fetched;
  const std::string nearest = nearest_path(root);
  fail(Exit::file, fmt::format("{}: no such data set, neither in {} nor in {}, where pcdata fetch puts them{}",
                               root.string(), std::filesystem::current_path().string(), default_cache_folder().string(),
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace

const char* name_of(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::val:
      return "val";
    case Split::test:
      return "test";
    case Split::unused:
      return "unused";
  }
  return "unknown";
}

DataSet open_dataset(const std::filesystem::path& given, const std::vector<std::string>& columns) {
  const std::filesystem::path root = find_root(given);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (std::count(columns.begin(), columns.end(), columns[i]) > 1) {
      fail(Exit::usage, fmt::format("column \"{}\" is asked for twice", columns[i]));
    }
  }
  if (detail::is_idx(root)) {
    DataSet data = detail::open_idx(root, columns);
    detail::warn_of_unused_tables(*open_tree(root), "the IDX files", data.catalog.report);
    return data;
  }
  auto tree = open_tree(root);
  const std::string table = detail::find_table(*tree);
  DataSet data = table.empty() ? detail::open_folders(tree, columns) : detail::open_kaggle(tree, table, columns);
  if (const auto& problems = tree->problems(); !problems.empty())
    data.catalog.report.warnings.push_back(
        fmt::format("{} files left out that cannot be read, the first: {}", problems.size(), problems.front()));
  return data;
}

}  // namespace pc::data
