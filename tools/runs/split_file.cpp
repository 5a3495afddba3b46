#include "tools/runs/split_file.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_map>

#include "data/csv.h"
#include "data/name_key.h"
#include "data/split_name.h"
#include "kernels/base/csv_writer.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc::runs {
namespace {

data::Split split_named(const data::CsvReader& csv, std::string_view word) {
  if (data::name_key(word) == name_of(data::Split::unused)) return data::Split::unused;
  if (const auto split = data::split_named(word)) return *split;
  csv.fail_row(fmt::format("split \"{}\": requires train, val, test or unused", printable(word)));
}

}  // namespace

std::string split_csv(const data::Catalog& catalog, const std::vector<data::Split>& split,
                      const data::ItemGroups& groups) {
  std::vector<std::size_t> number(split.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const uint32_t item : groups[g]) number[item] = g + 1;
  std::string text = "file,split,group\n";
  for (std::size_t i = 0; i < split.size(); ++i)
    text += fmt::format("{},{},{}\n", csv_cell(catalog.items[i].file), name_of(split[i]),
                        number[i] ? std::to_string(number[i]) : "");
  return text;
}

void check_split(const std::filesystem::path& path, const std::string& text) {
  if (read_file(path) != text)
    fail(Exit::data,
         fmt::format(
             "{}: the images are no longer divided as it says, the data set has changed; delete {} to start again",
             path.string(), path.parent_path().string()));
}

std::vector<data::Split> read_split(const std::filesystem::path& path, const data::Catalog& catalog) {
  const std::string text = read_file(path);
  data::CsvReader csv(text, path.string(), data::CsvReader::Bytes::any);
  const std::size_t file = csv.column("file"), side = csv.column("split");
  std::unordered_map<std::string_view, std::size_t> item_of;
  for (std::size_t i = 0; i < catalog.items.size(); ++i) item_of.emplace(catalog.items[i].file, i);
  std::vector<std::optional<data::Split>> found(catalog.items.size());
  std::vector<std::string_view> fields;
  while (csv.next(fields)) {
    auto item = item_of.find(csv_cell_text(fields[file]));
    if (item == item_of.end()) item = item_of.find(fields[file]);  // written by hand
    if (item == item_of.end())
      csv.fail_row(fmt::format("\"{}\" is not an image of the data set", printable(fields[file])));
    if (found[item->second]) csv.fail_row(fmt::format("\"{}\" comes a second time", printable(fields[file])));
    found[item->second] = split_named(csv, fields[side]);
  }
  std::vector<data::Split> split;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i])
      fail(Exit::data, fmt::format("{}: does not list {}; add a line, with \"unused\" to leave it out", path.string(),
                                   printable(catalog.items[i].file)));
    split.push_back(*found[i]);
  }
  return split;
}

}  // namespace pc::runs
