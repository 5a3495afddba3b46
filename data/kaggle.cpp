#include "data/kaggle.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "data/csv.h"
#include "data/image_ids.h"
#include "data/layout.h"
#include "data/name_key.h"
#include "data/table_files.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::data::detail {
namespace {

void check_id(const CsvReader& csv, std::string_view id) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (trimmed(id).empty()) csv.fail_row("empty id");
  const auto refuse = [&](const char* why) { csv.fail_row(fmt::format("id \"{}\": {}", printable(id), why)); };
  if (id.find_first_of("/\\") != id.npos || id == "..") refuse("path leaves the image folder");
  if (std::any_of(id.begin(), id.end(), control)) refuse("a control character");
  if (id.size() > 255) refuse("longer than any file name");
}

// Rows of the table that have an image, each image once.
class Reader {
 public:
  Reader(const FileTree& tree, const std::string& table, const std::string& images, std::string_view text,
         const std::vector<std::string>& columns)
      : tree_(tree), table_(table), images_(tree, images), csv_(text, table), labels_(columns.size()) {
    id_ = csv_.column("id");
    for (const std::string& column : columns) wanted_.push_back(csv_.column(column));
    for (const std::size_t column : wanted_) catalog_.columns.push_back(csv_.header()[column]);
    catalog_.classes.resize(columns.size());
    for (const std::string& column : csv_.header())
      if (!trimmed(column).empty()) catalog_.columns_there.push_back(column);
    name_ = find_name(csv_.header(), "productDisplayName");
    year_ = find_name(csv_.header(), "year");
    if (images_.empty()) fail_without_images(images);
  }

  Catalog read() {
    std::vector<std::string_view> fields;
    while (csv_.next(fields)) add(fields);
    Catalog::Report& report = catalog_.report;
    report.repaired_rows = csv_.repaired();
    if (report.rows == 0) fail(Exit::data, table_ + ": no rows below the header");
    if (catalog_.items.empty())
      fail(Exit::data, fmt::format("{}: no row of {} has an image: its first id is \"{}\", the first image {}",
                                   tree_.name(), table_, printable(first_id_), printable(first_image())));
    if (adapted_ > 0)
      report.warnings.push_back(
          fmt::format("{}: {} of {} ids are not written like the names of their images: \"{}\" is "
                      "taken as {}",
                      table_, adapted_, report.rows, printable(adapted_id_), adapted_image_));
    for (std::size_t c = 0; c < labels_.size(); ++c) number_labels(catalog_, c, labels_[c]);
    return std::move(catalog_);
  }
  std::vector<FileTree::Entry> entries() { return std::move(entries_); }
  bool has_row(std::string_view path) const { return used_.contains(stem_of(path)); }

 private:
  void add(const std::vector<std::string_view>& fields) {
    Catalog::Report& report = catalog_.report;
    ++report.rows;
    const std::string id(images_.without_directory(fields[id_]));
    check_id(csv_, id);
    if (first_id_.empty()) first_id_ = fields[id_];
    const FileTree::Entry* image = images_.find(id);
    const std::string key(image ? std::string(stem_of(image->path)) : id);
    if (const auto [first, fresh] = line_of_.emplace(key, csv_.line()); !fresh) {
      add_note(report, ++report.duplicate_ids,
               fmt::format("{}:{}: id {} repeats line {}", table_, csv_.line(), id, first->second));
      return;
    }
    if (!image) {
      add_note(report, ++report.rows_without_image, fmt::format("{}:{}: id {} has no image", table_, csv_.line(), id));
      return;
    }
    used_.insert(stem_of(image->path));
    if (!images_.is_name(fields[id_]) && adapted_++ == 0) adapted_id_ = fields[id_], adapted_image_ = image->path;
    catalog_.items.push_back({.file = image->path, .labels = std::vector<int32_t>(labels_.size(), -1)});
    entries_.push_back(*image);
    for (std::size_t c = 0; c < labels_.size(); ++c) labels_[c].emplace_back(fields[wanted_[c]]);
    if (name_) catalog_.names.emplace_back(fields[*name_]);
    if (year_) catalog_.years.emplace_back(fields[*year_]);
  }

  std::string first_image() const {
    const auto& entries = tree_.entries();
    const auto image =
        std::find_if(entries.begin(), entries.end(), [](const auto& e) { return has_image_name(e.path); });
    return image == entries.end() ? "" : image->path;
  }
  [[noreturn]] void fail_without_images(const std::string& images) const {
    const std::string first = first_image();
    fail(Exit::data, fmt::format("{}: no images in {} beside {}{}", tree_.name(), images, table_,
                                 first.empty() ? "" : fmt::format("; the first image there is {}", printable(first))));
  }

  const FileTree& tree_;
  const std::string& table_;
  const ImageIds images_;
  CsvReader csv_;
  std::size_t id_ = 0;
  std::vector<std::size_t> wanted_;
  std::optional<std::size_t> name_, year_;
  Catalog catalog_;
  std::vector<FileTree::Entry> entries_;          // of the items
  std::vector<std::vector<std::string>> labels_;  // per column, of the items
  std::unordered_map<std::string, int64_t> line_of_;
  std::unordered_set<std::string_view> used_;  // stems of images
  std::string first_id_, adapted_id_, adapted_image_;
  int64_t adapted_ = 0;
};

}  // namespace

DataSet open_kaggle(std::shared_ptr<const FileTree> tree, const std::string& table,
                    const std::vector<std::string>& columns) {
  const auto& entries = tree->entries();
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.path == table; });
  std::string images = images_beside(*tree, table);
  if (images.empty()) images = table.substr(0, table.rfind('/') + 1) + "images/";
  const std::vector<std::byte> bytes = tree->read(*entry, kMaxTableBytes);
  Reader reader(*tree, table, images, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, columns);
  Catalog catalog = reader.read();
  for (const auto& e : entries) {
    if (!e.path.starts_with(images) || !has_image_name(e.path) || reader.has_row(e.path)) continue;
    add_note(catalog.report, ++catalog.report.images_without_row, e.path + ": no row in " + table);
  }
  warn_of_unused_tables(*tree, table, catalog.report);
  auto source = tree_images(tree, reader.entries());
  return {.kind = "kaggle",
          .layout = fmt::format("labels from {}, images in {}", table, images),
          .split_from = "",
          .catalog = std::move(catalog),
          .images = std::move(source)};
}

}  // namespace pc::data::detail
