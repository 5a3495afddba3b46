#include "tools/run/split_file.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_map>

#include "data/csv.h"
#include "kernels/base/csv_writer.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

Split split_named(const CsvReader& csv, std::string_view word) {
  for (const Split split : {Split::train, Split::val, Split::test, Split::unused})
    if (word == name_of(split)) return split;
  csv.fail_row(fmt::format("split \"{}\": wants train, val, test or unused", printable(word)));
}

}  // namespace

std::string split_csv(const Catalogue& catalogue, const std::vector<Split>& split, const ItemGroups& groups) {
  std::vector<std::size_t> number(split.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const uint32_t item : groups[g]) number[item] = g + 1;
  std::string text = "file,split,group\n";
  for (std::size_t i = 0; i < split.size(); ++i)
    text += fmt::format("{},{},{}\n", csv_field(catalogue.items[i].file), name_of(split[i]),
                        number[i] ? std::to_string(number[i]) : "");
  return text;
}

void check_split(const std::filesystem::path& path, const std::string& text) {
  if (read_file(path) != text)
    fail(Exit::data,
         fmt::format(
             "{}: the pictures are no longer divided as it says, the data set has changed; delete {} to start anew",
             path.string(), path.parent_path().string()));
}

std::vector<Split> read_split(const std::filesystem::path& path, const Catalogue& catalogue) {
  const std::string text = read_file(path);
  CsvReader csv(text, path.string());
  const std::size_t file = csv.column("file"), side = csv.column("split");
  std::unordered_map<std::string_view, std::size_t> item_of;
  for (std::size_t i = 0; i < catalogue.items.size(); ++i) item_of.emplace(catalogue.items[i].file, i);
  std::vector<std::optional<Split>> found(catalogue.items.size());
  std::vector<std::string_view> fields;
  while (csv.next(fields)) {
    const auto item = item_of.find(fields[file]);
    if (item == item_of.end())
      csv.fail_row(fmt::format("\"{}\" is no picture of the data set", printable(fields[file])));
    if (found[item->second]) csv.fail_row(fmt::format("\"{}\" comes a second time", printable(fields[file])));
    found[item->second] = split_named(csv, fields[side]);
  }
  std::vector<Split> split;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i])
      fail(Exit::data, fmt::format("{}: does not list {}; add a line, with \"unused\" to leave it out", path.string(),
                                   printable(catalogue.items[i].file)));
    split.push_back(*found[i]);
  }
  return split;
}

}  // namespace pc
