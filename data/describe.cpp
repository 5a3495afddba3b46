#include "data/describe.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/name_key.h"
#include "kernels/base/logger.h"
#include "kernels/base/text.h"

namespace pc::data {
namespace {

constexpr std::size_t kColumns = 6;  // that are described

std::string count_of(std::size_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

// "60 to train, 0 to validate, 30 to test"
std::string sides(const std::vector<Split>& split) {
  const auto count = [&](Split side) { return std::count(split.begin(), split.end(), side); };
  return fmt::format("{} to train, {} to validate, {} to test", count(Split::train), count(Split::val),
                     count(Split::test));
}

}  // namespace

std::string some_names(const std::vector<std::string>& names, std::size_t most) {
  std::string text;
  const std::size_t shown = names.size() <= most + 1 ? names.size() : most;
  for (std::size_t i = 0; i < shown; ++i) text += (i ? ", " : "") + printable(names[i]);
  return shown < names.size() ? text + fmt::format(" and {} more", names.size() - shown) : text;
}

std::vector<std::string> describe(const DataSet& data) {
  const Catalog& c = data.catalog;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}, {}",
                              data.kind == "idx" ? count_of(c.items.size(), "image", "images")
                                                 : count_of(c.items.size(), "image file", "image files"),
                              data.layout));
  for (std::size_t i = 0; i < std::min(kColumns, c.columns.size()); ++i)
    lines.push_back(fmt::format("{}: {}: {}", printable(c.columns[i]),
                                count_of(c.classes[i].size(), "class", "classes"),
                                some_names(told_apart(c.classes[i]))));
  if (c.columns.size() > kColumns)
    lines.push_back(
        fmt::format("{} more label columns: {}", c.columns.size() - kColumns,
                    some_names({c.columns.begin() + std::ptrdiff_t(kColumns), c.columns.end()}, c.columns.size())));
  lines.push_back(c.given.empty() ? "the data set comes without a split"
                                  : fmt::format("split given by {}: {}", data.split_from, sides(c.given)));
  for (const std::string& warning : c.report.warnings) lines.push_back(visible(warning));
  return lines;
}

void print_description(const DataSet& data) {
  for (const std::string& line : describe(data)) note("data: {}", line);
}

}  // namespace pc::data
