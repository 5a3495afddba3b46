#include "data/folders.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "data/layout.h"
#include "kernels/base/error.h"

namespace pc::detail {
namespace {

std::string_view first_part(std::string_view path) { return path.substr(0, std::min(path.find('/'), path.size())); }

std::optional<Split> split_named(std::string_view folder) {
  if (folder == "train" || folder == "training") return Split::train;
  if (folder == "val" || folder == "valid" || folder == "validation") return Split::val;
  if (folder == "test" || folder == "testing") return Split::test;
  return std::nullopt;
}

// The common folder above all classes, "" if the classes are at the top. A lone folder is stripped only when folders
// lie in it.
std::string common_folder(const std::vector<FileTree::Entry>& images) {
  const std::string top(first_part(images.front().path));
  const bool common = std::all_of(images.begin(), images.end(), [&](const auto& e) {
    return e.path.starts_with(top + "/") && e.path.find('/', top.size() + 1) != std::string::npos;
  });
  return common && !split_named(top) ? top + "/" : "";
}

}  // namespace

DataSet open_folders(std::shared_ptr<const FileTree> tree, const std::vector<std::string>& columns) {
  Catalog catalog;
  std::vector<FileTree::Entry> images;
  for (const auto& entry : tree->entries()) {
    if (!has_image_name(entry.path)) continue;
    if (entry.path.find('/') == std::string::npos) {
      add_note(catalog.report, ++catalog.report.images_without_row, entry.path + ": lies in no class folder");
    } else {
      images.push_back(entry);
    }
  }
  if (images.empty()) {
    fail(
        Exit::data,
        tree->name() +
            ": no data set found; expected styles.csv with images/, or one folder of pictures per class, or IDX files");
  }
  require_label_only(catalog, tree->name(), columns);
  catalog.classes.resize(1);

  const std::string common = common_folder(images);
  const bool split = std::all_of(images.begin(), images.end(), [&](const auto& e) {
    const std::string_view rest = std::string_view(e.path).substr(common.size());
    return split_named(first_part(rest)) && std::count(rest.begin(), rest.end(), '/') >= 2;
  });
  std::vector<std::string> labels;
  for (const auto& entry : images) {
    std::string_view rest = std::string_view(entry.path).substr(common.size());
    if (split) {
      catalog.given.push_back(*split_named(first_part(rest)));
      rest.remove_prefix(rest.find('/') + 1);
    }
    catalog.items.push_back({.file = entry.path, .labels = {-1}});
    labels.emplace_back(first_part(rest));
  }
  catalog.report.rows = int64_t(catalog.items.size());
  number_labels(catalog, 0, labels);
  auto source = tree_images(std::move(tree), std::move(images));
  return {.kind = "folders", .catalog = std::move(catalog), .images = std::move(source)};
}

}  // namespace pc::detail
