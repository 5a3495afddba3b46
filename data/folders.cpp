#include "data/folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "data/describe.h"
#include "data/layout.h"
#include "data/split_name.h"
#include "data/table_files.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::data::detail {
namespace {

std::string_view first_part(std::string_view path) { return path.substr(0, std::min(path.find('/'), path.size())); }
std::string_view behind_first_part(std::string_view path) {
  return path.substr(std::min(path.find('/'), path.size() - 1) + 1);
}
bool lies_in_a_folder(std::string_view path) { return path.find('/') != path.npos; }

// The common folders above all others, "" if there are several folders at the top. A lone folder is common only when
// folders lie in it.
std::string common_folders(const std::vector<FileTree::Entry>& images) {
  std::string common;
  while (true) {
    const auto rest = [&](const FileTree::Entry& e) { return std::string_view(e.path).substr(common.size()); };
    const std::string top(first_part(rest(images.front())));
    const bool shared = std::all_of(images.begin(), images.end(), [&](const auto& e) {
      return first_part(rest(e)) == top && lies_in_a_folder(rest(e)) && lies_in_a_folder(behind_first_part(rest(e)));
    });
    if (!shared || split_named(top)) return common;
    common += top + "/";
  }
}

// A folder below the common ones.
struct Top {
  std::optional<Split> split;     // what its name says
  int64_t direct = 0, below = 0;  // images that lie in it, and in folders in it
};
using Tops = std::map<std::string, Top, std::less<>>;

Tops tops_of(const std::vector<FileTree::Entry>& images, const std::string& common) {
  Tops tops;
  for (const auto& e : images) {
    const std::string_view path = std::string_view(e.path).substr(common.size());
    Top& top =
        tops.try_emplace(std::string(first_part(path)), Top{.split = split_named(first_part(path))}).first->second;
    ++(lies_in_a_folder(behind_first_part(path)) ? top.below : top.direct);
  }
  return tops;
}

template <typename Test>
std::vector<std::string> tops_if(const Tops& tops, const Test& test) {
  std::vector<std::string> names;
  for (const auto& [name, top] : tops)
    if (test(top)) names.push_back(name + "/");
  return names;
}

constexpr auto has_classes = [](const Top& t) { return t.split && t.below > 0; };

// Whether the folders at the top are a split's, with the classes below them. What could be either is refused.
bool is_split(const Tops& tops, const std::string& root) {
  const auto splits = tops_if(tops, [](const Top& t) { return t.split.has_value(); });
  if (splits.empty()) return false;
  const auto others = tops_if(tops, [](const Top& t) { return !t.split; });
  const auto labeled = tops_if(tops, has_classes);
  std::set<Split> sides;
  for (const auto& [name, top] : tops)
    if (has_classes(top)) sides.insert(*top.split);
  if (others.empty() && labeled.empty())
    fail(
        Exit::data,
        fmt::format("{}: {} hold images but no class folders, so that nothing names their classes; give each of them a "
                    "folder per class, or the data set a styles.csv and images/",
                    root, some_names(splits)));
  if (others.empty() || sides.size() > 1) return true;
  const bool toy_train = splits.size() == 1 && labeled.empty() && equal_ignoring_case(splits.front(), "train/");
  if (toy_train) return false;
  fail(Exit::data,
       fmt::format("{}: is {} a split or a class? {} {} beside it; put every class folder below train/, val/ "
                   "and test/, or move {} away",
                   root, some_names(splits), some_names(others), others.size() == 1 ? "lies" : "lie",
                   some_names(splits)));
}

// How many images lie in a folder of a split below their class: shoe/train/1.jpg.
std::size_t images_in_split_below_class(const std::vector<FileTree::Entry>& images, const std::string& common) {
  return std::size_t(std::count_if(images.begin(), images.end(), [&](const auto& e) {
    const std::string_view path = behind_first_part(std::string_view(e.path).substr(common.size()));
    return lies_in_a_folder(path) && split_named(first_part(path));
  }));
}

// Reads the paths of images into labels and sides of a split.
class Folders {
 public:
  Folders(const std::string& root, const std::vector<FileTree::Entry>& images)
      : common_(common_folders(images)), tops_(tops_of(images, common_)) {
    split_above_ = is_split(tops_, root);
    if (split_above_) return;
    in_split_below_ = images_in_split_below_class(images, common_);
    split_below_ = in_split_below_ == images.size();
  }

  struct Place {
    std::string_view label;
    Split split = Split::train;
  };
  // nullopt: in no class folder.
  std::optional<Place> place_of(std::string_view path) const {
    path.remove_prefix(common_.size());
    if (split_below_)
      return Place{.label = first_part(path), .split = *split_named(first_part(behind_first_part(path)))};
    if (!split_above_) return Place{.label = first_part(path)};
    const auto side = split_named(first_part(path));
    if (!side) return std::nullopt;
    do path = behind_first_part(path);  // train/train/shoe/1.jpg: unpacked into a folder of its own name
    while (lies_in_a_folder(path) && split_named(first_part(path)) == side);
    if (!lies_in_a_folder(path)) return std::nullopt;
    return Place{.label = first_part(path), .split = *side};
  }

  bool has_split() const { return split_above_ || split_below_; }
  std::string layout() const {
    std::string text = "a folder per class";
    if (split_above_) text += " below " + some_names(tops_if(tops_, has_classes));
    if (split_below_) text += ", divided below each class";
    if (!common_.empty()) text += " in " + common_;
    return text;
  }
  std::string split_from() const {
    return split_above_ ? "the folders " + some_names(tops_if(tops_, has_classes)) : "the folders below each class";
  }
  // What lies beside the classes, or looks like a split and is none.
  void warn(Catalog::Report& report) const {
    for (const auto& [name, top] : tops_) {
      if (split_above_ && (!top.split || top.direct > 0))
        report.warnings.push_back(fmt::format("{}{}/: {} images in no class folder of the split, left out", common_,
                                              name, top.split ? top.direct : top.direct + top.below));
      if (!split_above_ && top.split)
        report.warnings.push_back(fmt::format("{}{}/ is taken as a class, like the folders beside it", common_, name));
    }
    if (in_split_below_ > 0 && !split_below_)
      report.warnings.push_back(fmt::format(
          "{} images lie in folders of a split below their class, the others do not: no split is taken from "
          "those folders; move every image into one, or none",
          in_split_below_));
  }

 private:
  std::string common_;
  Tops tops_;
  bool split_above_ = false, split_below_ = false;
  std::size_t in_split_below_ = 0;
};

// The images of a tree that lie in folders; others are noted.
std::vector<FileTree::Entry> images_in_folders(const FileTree& tree, Catalog::Report& report) {
  std::vector<FileTree::Entry> images;
  for (const auto& entry : tree.entries()) {
    if (!has_image_name(entry.path)) continue;
    if (lies_in_a_folder(entry.path))
      images.push_back(entry);
    else
      add_note(report, ++report.images_without_row, entry.path + ": lies in no class folder");
  }
  return images;
}

// What lies there instead of a data set.
std::string unlabeled(const Catalog::Report& report) {
  if (report.images_without_row == 0) return "";
  const std::string tables =
      report.unused_tables.empty() ? "" : fmt::format(", {} is not read", some_names(report.unused_tables, 1));
  return fmt::format("; {} images lie in no folder{}: {}", report.images_without_row, tables, kWaysToLabel);
}

// A set with training folders alone has no split: what validates and tests is to be drawn from them.
void keep_split(Catalog& catalog, std::vector<Split> given) {
  const bool is_one = std::any_of(given.begin(), given.end(), [](Split s) { return s != Split::train; });
  if (is_one) catalog.given = std::move(given);
}

}  // namespace

DataSet open_folders(std::shared_ptr<const FileTree> tree, const std::vector<std::string>& columns) {
  Catalog catalog;
  const std::vector<FileTree::Entry> images = images_in_folders(*tree, catalog.report);
  if (images.empty()) {
    warn_of_unused_tables(*tree, "", catalog.report);
    fail(Exit::data,
         tree->name() +
             ": no data set found; expected styles.csv with images/, or a folder of images per class, or IDX files" +
             unlabeled(catalog.report));
  }
  require_label_only(catalog, tree->name(), columns);
  catalog.classes.resize(1);

  const Folders folders(tree->name(), images);
  std::vector<std::string> labels;
  std::vector<Split> given;
  std::vector<FileTree::Entry> of_item;
  for (const auto& entry : images) {
    const auto place = folders.place_of(entry.path);
    if (!place) {
      add_note(catalog.report, ++catalog.report.images_without_row, entry.path + ": lies in no class folder");
      continue;
    }
    catalog.items.push_back({.file = entry.path, .labels = {-1}});
    of_item.push_back(entry);
    labels.emplace_back(place->label);
    given.push_back(place->split);
  }
  if (folders.has_split()) keep_split(catalog, std::move(given));
  catalog.report.rows = int64_t(catalog.items.size());
  folders.warn(catalog.report);
  warn_of_unused_tables(*tree, "", catalog.report);
  number_labels(catalog, 0, labels);
  auto source = tree_images(std::move(tree), std::move(of_item));
  return {.kind = "folders",
          .layout = folders.layout(),
          .split_from = folders.split_from(),
          .catalog = std::move(catalog),
          .images = std::move(source)};
}

}  // namespace pc::data::detail
