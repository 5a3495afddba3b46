// Which layout a data set has, and what all layouts share.
#include "data/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/csv.h"
#include "data/layouts.h"
#include "data/store.h"
#include "kernels/base/error.h"
#include "kernels/base/hash.h"
#include "kernels/base/text.h"

namespace pc {
namespace detail {
namespace {

constexpr uint64_t kMaxPictureBytes = uint64_t(256) << 20;

class TreePictures final : public PictureSource {
 public:
  TreePictures(std::shared_ptr<const FileTree> tree, std::vector<FileTree::Entry> entries)
      : tree_(std::move(tree)), entries_(std::move(entries)) {}

  Image image(std::size_t item, const DecodeSettings& settings) const override {
    const FileTree::Entry& entry = entries_.at(item);
    return decode_image(tree_->read(entry, kMaxPictureBytes), entry.path, settings);
  }
  PictureInfo info(std::size_t item) const override {
    return picture_info(tree_->read(entries_.at(item), kMaxPictureBytes));
  }
  uint64_t fingerprint() const override {
    Hash64 hash;
    for (const auto& entry : entries_) hash.text(entry.path).number(entry.size).number(entry.mark);
    return hash.value();
  }

 private:
  std::shared_ptr<const FileTree> tree_;
  std::vector<FileTree::Entry> entries_;
};

}  // namespace

std::shared_ptr<const PictureSource> tree_pictures(std::shared_ptr<const FileTree> tree,
                                                   std::vector<FileTree::Entry> entries) {
  return std::make_shared<TreePictures>(std::move(tree), std::move(entries));
}

void want_label_only(Catalogue& catalogue, const std::string& root, const std::vector<std::string>& columns) {
  catalogue.columns = catalogue.columns_there = {"label"};
  for (const auto& column : columns) {
    if (column != "label") fail(Exit::data, no_such_column(root, column, catalogue.columns_there));
  }
  if (columns.size() > 1) fail(Exit::usage, "column \"label\" is asked for twice");
}

void number_labels(Catalogue& catalogue, std::size_t column, const std::vector<std::string>& texts) {
  std::vector<std::string> classes = texts;
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  if (!classes.empty() && classes.front().empty()) classes.erase(classes.begin());
  for (const std::string& name : classes)
    if (!is_utf8(name))
      fail(Exit::data, fmt::format("class \"{}\": the name is not UTF-8; rename it", printable(name)));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto at = std::lower_bound(classes.begin(), classes.end(), texts[i]);
    catalogue.items[i].labels[column] = texts[i].empty() ? -1 : int32_t(at - classes.begin());
  }
  catalogue.classes[column] = std::move(classes);
}

void add_note(Catalogue::Report& report, int64_t count_so_far, const std::string& note) {
  if (count_so_far <= int64_t(kMaxNotes)) report.notes.push_back(note);
}

}  // namespace detail

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

namespace {

// What is not here may lie where pcdata fetch puts it.
std::filesystem::path find_root(const std::filesystem::path& root) {
  std::error_code unknown;
  if (root.is_absolute() || std::filesystem::exists(root, unknown)) return root;
  const std::filesystem::path fetched = default_cache_folder() / root;
  return std::filesystem::exists(fetched, unknown) ? fetched : root;
}

}  // namespace

DataSet open_dataset(const std::filesystem::path& given, const std::vector<std::string>& columns) {
  const std::filesystem::path root = find_root(given);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (std::count(columns.begin(), columns.end(), columns[i]) > 1) {
      fail(Exit::usage, fmt::format("column \"{}\" is asked for twice", columns[i]));
    }
  }
  if (detail::is_idx(root)) return detail::open_idx(root, columns);
  auto tree = open_tree(root);
  const std::string styles = detail::find_styles(*tree);
  return styles.empty() ? detail::open_folders(tree, columns) : detail::open_kaggle(tree, styles, columns);
}

}  // namespace pc
