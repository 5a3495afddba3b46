// Kaggle's "Fashion Product Images": styles.csv with one row per product, images/ID.jpg beside it.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "data/csv.h"
#include "data/layouts.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::detail {
namespace {

constexpr uint64_t kMaxCsvBytes = uint64_t(1) << 30;

std::string_view stem_of(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  return path.substr(0, path.rfind('.'));
}

// The pictures of one folder by their name without extension.
using Pictures = std::unordered_map<std::string_view, const FileTree::Entry*>;

Pictures pictures_below(const FileTree& tree, const std::string& folder) {
  const auto& entries = tree.entries();
  auto at = std::lower_bound(entries.begin(), entries.end(), folder,
                             [](const FileTree::Entry& e, const std::string& path) { return e.path < path; });
  Pictures pictures;
  for (; at != entries.end() && at->path.starts_with(folder); ++at) {
    const bool direct = at->path.find('/', folder.size()) == std::string::npos;
    if (direct && has_picture_name(at->path)) pictures.emplace(stem_of(at->path), &*at);
  }
  return pictures;
}

// Index of a column that a catalogue may do without; as many as there are columns where it is not there.
std::size_t optional_column(const CsvReader& csv, std::string_view name) {
  return std::size_t(std::find(csv.header().begin(), csv.header().end(), name) - csv.header().begin());
}

void check_id(const CsvReader& csv, std::string_view id) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (id.empty()) csv.fail_row("empty id");
  const auto refuse = [&](const char* why) { csv.fail_row(fmt::format("id \"{}\": {}", printable(id), why)); };
  if (id.find_first_of("/\\") != id.npos || id == "..") refuse("path leaves the image folder");
  if (std::any_of(id.begin(), id.end(), control)) refuse("a control character");
  if (id.size() > 255) refuse("longer than any file name");
}

}  // namespace

std::string find_styles(const FileTree& tree) {
  std::string best;
  const auto rank = [](const std::string& path) {
    return std::pair(std::count(path.begin(), path.end(), '/'), path.find("myntradataset/") != std::string::npos);
  };
  for (const auto& entry : tree.entries()) {
    const std::size_t slash = entry.path.rfind('/');
    const std::string_view file = std::string_view(entry.path).substr(slash == std::string::npos ? 0 : slash + 1);
    if (file != "styles.csv" || rank(entry.path).first > 2) continue;
    if (best.empty() || rank(entry.path) < rank(best)) best = entry.path;
  }
  return best;
}

DataSet open_kaggle(std::shared_ptr<const FileTree> tree, const std::string& styles,
                    const std::vector<std::string>& columns) {
  const auto& entries = tree->entries();
  const std::string folder = styles.substr(0, styles.size() - std::string_view("styles.csv").size()) + "images/";
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.path == styles; });
  const std::vector<std::byte> bytes = tree->read(*entry, kMaxCsvBytes);
  CsvReader csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, styles);
  const std::size_t id_column = csv.column("id");
  std::vector<std::size_t> wanted;
  for (const auto& column : columns) wanted.push_back(csv.column(column));
  const std::size_t name_column = optional_column(csv, "productDisplayName"),
                    year_column = optional_column(csv, "year");

  const Pictures pictures = pictures_below(*tree, folder);
  if (pictures.empty()) fail(Exit::data, fmt::format("{}: no pictures in {} beside {}", tree->name(), folder, styles));

  Catalogue catalogue;
  catalogue.columns = columns;
  catalogue.classes.resize(columns.size());
  catalogue.columns_there = csv.header();
  Catalogue::Report& report = catalogue.report;
  std::vector<FileTree::Entry> of_item;
  std::vector<std::vector<std::string>> labels(columns.size());
  std::unordered_map<std::string, int64_t> line_of;
  std::vector<std::string_view> fields;
  while (csv.next(fields)) {
    ++report.rows;
    const std::string id(fields[id_column]);
    check_id(csv, id);
    if (const auto [first, fresh] = line_of.emplace(id, csv.line()); !fresh) {
      add_note(report, ++report.duplicate_ids,
               fmt::format("{}:{}: id {} repeats line {}", styles, csv.line(), id, first->second));
      continue;
    }
    const auto picture = pictures.find(id);
    if (picture == pictures.end()) {
      add_note(report, ++report.rows_without_picture,
               fmt::format("{}:{}: id {} has no picture", styles, csv.line(), id));
      continue;
    }
    catalogue.items.push_back({.file = picture->second->path, .labels = std::vector<int32_t>(columns.size(), -1)});
    of_item.push_back(*picture->second);
    for (std::size_t c = 0; c < columns.size(); ++c) labels[c].emplace_back(fields[wanted[c]]);
    if (name_column < fields.size()) catalogue.names.emplace_back(fields[name_column]);
    if (year_column < fields.size()) catalogue.years.emplace_back(fields[year_column]);
  }
  report.repaired_rows = csv.repaired();
  if (report.rows == 0) fail(Exit::data, styles + ": no rows below the header");
  if (catalogue.items.empty()) fail(Exit::data, fmt::format("{}: no row of {} has a picture", tree->name(), styles));
  for (std::size_t c = 0; c < columns.size(); ++c) number_labels(catalogue, c, labels[c]);
  for (const auto& e : entries) {
    if (!e.path.starts_with(folder) || !has_picture_name(e.path) || line_of.contains(std::string(stem_of(e.path))))
      continue;
    add_note(report, ++report.pictures_without_row, e.path + ": no row in " + styles);
  }
  auto source = tree_pictures(std::move(tree), std::move(of_item));
  return {.kind = "kaggle", .catalogue = std::move(catalogue), .pictures = std::move(source)};
}

}  // namespace pc::detail
