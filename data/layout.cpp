#include "data/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/csv.h"
#include "data/decode.h"
#include "data/name_key.h"
#include "kernels/base/error.h"
#include "kernels/base/hash.h"
#include "kernels/base/text.h"

namespace pc::data::detail {
namespace {

constexpr uint64_t kMaxImageBytes = uint64_t(256) << 20;

class TreeImages final : public ImageSource {
 public:
  TreeImages(std::shared_ptr<const FileTree> tree, std::vector<FileTree::Entry> entries)
      : tree_(std::move(tree)), entries_(std::move(entries)) {}

  Image image(std::size_t item, const DecodeSettings& settings) const override {
    const FileTree::Entry& entry = entries_.at(item);
    return decode_image(tree_->read(entry, kMaxImageBytes), entry.path, settings);
  }
  ImageInfo info(std::size_t item) const override { return image_info(tree_->read(entries_.at(item), kMaxImageBytes)); }
  uint64_t fingerprint() const override {
    Hash64 hash;
    for (const auto& entry : entries_) hash.text(entry.path).number(entry.size).number(entry.mark);
    return hash.value();
  }

 private:
  std::shared_ptr<const FileTree> tree_;
  std::vector<FileTree::Entry> entries_;
};

// Classes that people take for one stay classes of their own; a warning names each group with its counts.
void warn_of_alike_classes(Catalog& catalog, std::size_t column) {
  const auto& classes = catalog.classes[column];
  const auto groups = alike_names(classes);
  if (groups.empty()) return;
  std::vector<int64_t> counts(classes.size());
  for (const auto& item : catalog.items)
    if (item.labels[column] >= 0) ++counts[std::size_t(item.labels[column])];
  for (std::size_t g = 0; g < std::min(groups.size(), kMaxNotes); ++g) {
    std::string names;
    for (const std::size_t i : groups[g])
      names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", spelled_out(classes[i]), counts[i]);
    catalog.report.warnings.push_back(
        fmt::format("{}: {} differ by blanks, letter case or encoding alone and are classes of their own; if they mean "
                    "the same, spell them alike in the data",
                    printable(catalog.columns[column]), names));
  }
  if (groups.size() > kMaxNotes)
    catalog.report.warnings.push_back(fmt::format("{}: {} more groups of classes that differ as little",
                                                  printable(catalog.columns[column]), groups.size() - kMaxNotes));
}

}  // namespace

std::shared_ptr<const ImageSource> tree_images(std::shared_ptr<const FileTree> tree,
                                               std::vector<FileTree::Entry> entries) {
  return std::make_shared<TreeImages>(std::move(tree), std::move(entries));
}

void require_label_only(Catalog& catalog, const std::string& root, const std::vector<std::string>& columns) {
  catalog.columns = catalog.columns_there = {"label"};
  for (const auto& column : columns) {
    if (name_key(column) != "label") fail(Exit::data, no_such_column(root, column, catalog.columns_there));
  }
  if (columns.size() > 1) fail(Exit::usage, "column \"label\" is asked for twice");
}

void number_labels(Catalog& catalog, std::size_t column, const std::vector<std::string>& texts) {
  std::vector<std::string> classes = texts;
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  std::erase_if(classes, [](const std::string& name) { return name_key(name).empty(); });
  for (const std::string& name : classes)
    if (!is_utf8(name))
      fail(Exit::data, fmt::format("class \"{}\": the name is not UTF-8; rename it", printable(name)));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto at = std::lower_bound(classes.begin(), classes.end(), texts[i]);
    const bool labeled = at != classes.end() && *at == texts[i];
    catalog.items[i].labels[column] = labeled ? int32_t(at - classes.begin()) : -1;
  }
  catalog.classes[column] = std::move(classes);
  warn_of_alike_classes(catalog, column);
}

void add_note(Catalog::Report& report, int64_t count_so_far, const std::string& note) {
  if (count_so_far <= int64_t(kMaxNotes)) report.notes.push_back(note);
}

}  // namespace pc::data::detail
