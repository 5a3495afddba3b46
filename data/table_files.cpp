#include "data/table_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "data/csv.h"
#include "data/describe.h"
#include "data/name_key.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::data::detail {
namespace {

constexpr std::string_view kCopy = "myntradataset/";

std::string_view directory_of(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }
std::string_view file_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }
auto depth_of(std::string_view path) { return std::count(path.begin(), path.end(), '/'); }

bool has_suffix(std::string_view path, std::initializer_list<std::string_view> suffixes) {
  const std::string low = to_lower(path);
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view s) { return low.ends_with(s); });
}

// By name alone: the best of several, whose copy is not wanted.
std::string styles_table(const FileTree& tree) {
  const auto rank = [](const std::string& path) {
    return std::tuple(depth_of(path), path.find(kCopy) != path.npos, file_of(path) != "styles.csv");
  };
  std::string best;
  for (const auto& entry : tree.entries()) {
    const std::string_view file = file_of(entry.path);
    const bool styles = equal_ignoring_case(file, "styles.csv") || equal_ignoring_case(file, "styles.tsv");
    if (!styles || depth_of(entry.path) > 2) continue;
    if (best.empty() || rank(entry.path) < rank(best)) best = entry.path;
  }
  return best;
}

bool has_ids(const FileTree& tree, const FileTree::Entry& entry) {
  try {
    const std::vector<std::byte> bytes = tree.read(entry, kMaxTableBytes);
    const CsvReader csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, entry.path);
    return csv.header().size() > 1 && find_name(csv.header(), "id").has_value();
  } catch (const Error&) {
    return false;  // no table of ours; the caller says that it is there
  }
}

// With the columns that are wanted, under another name.
std::string other_table(const FileTree& tree) {
  std::vector<std::string> found;
  std::map<std::string_view, bool> has_images;  // by directory
  for (const auto& entry : tree.entries()) {
    if (!has_suffix(entry.path, {".csv", ".tsv"}) || depth_of(entry.path) > 1) continue;
    const auto [directory, fresh] = has_images.try_emplace(directory_of(entry.path), false);
    if (fresh) directory->second = !images_beside(tree, entry.path).empty();
    if (directory->second && has_ids(tree, entry)) found.push_back(entry.path);
  }
  if (found.size() > 1)
    fail(Exit::data, fmt::format("{}: {} all have a column \"id\" and lie beside images/; name the one with the labels "
                                 "styles.csv",
                                 tree.name(), some_names(found)));
  return found.empty() ? "" : found.front();
}

}  // namespace

const char* const kWaysToLabel =
    "move the images into a folder per class, or give their labels in a styles.csv with a column id, next to "
    "images/ID.jpg";

bool is_table(std::string_view path) {
  return has_suffix(path, {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls", ".ods", ".parquet"});
}

std::string images_beside(const FileTree& tree, std::string_view table) {
  const std::string_view directory = directory_of(table);
  std::string found;
  for (const auto& entry : tree.entries()) {
    if (!entry.path.starts_with(directory) || !has_image_name(entry.path)) continue;
    const std::string_view below = std::string_view(entry.path).substr(directory.size());
    const std::string_view name = below.substr(0, std::min(below.find('/'), below.size()));
    if (name.size() == below.size() || !equal_ignoring_case(name, "images")) continue;
    const std::string images = std::string(directory) + std::string(name) + "/";
    if (name == "images") return images;
    if (found.empty()) found = images;
  }
  return found;
}

std::string find_table(const FileTree& tree) {
  const std::string styles = styles_table(tree);
  return styles.empty() ? other_table(tree) : styles;
}

void warn_of_unused_tables(const FileTree& tree, const std::string& used, Catalog::Report& report) {
  std::map<std::string_view, std::vector<std::string>> by_directory;
  for (const auto& entry : tree.entries()) {
    const bool copy = !used.empty() && entry.path.find(kCopy) != entry.path.npos && used.find(kCopy) == used.npos;
    if (!is_table(entry.path) || entry.path == used || copy) continue;
    by_directory[directory_of(entry.path)].push_back(entry.path);
    report.unused_tables.push_back(entry.path);
  }
  constexpr std::size_t kDirectories = 5;
  std::size_t said = 0;
  for (const auto& [directory, tables] : by_directory) {
    if (said++ == kDirectories) {
      report.warnings.push_back(
          fmt::format("tables in {} more directories are not used either", by_directory.size() - kDirectories));
      break;
    }
    report.warnings.push_back(fmt::format(
        "{} {} not used; {}", some_names(tables, 3), tables.size() == 1 ? "is" : "are",
        used.empty() ? "labels are read from styles.csv with a column id, next to images/ID.jpg"
                     : fmt::format("labels are read from {} alone (a split.csv goes to data.split_file)", used)));
  }
}

}  // namespace pc::data::detail
