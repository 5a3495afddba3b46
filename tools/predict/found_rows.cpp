#include "tools/predict/found_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/sha256.h"

namespace pc::predict {
namespace {

void check_header(const std::vector<std::string>& there, const std::string& header, const std::string& name) {
  std::vector<std::string> expected;
  RowReader(header, RowFormat::csv, "").header(expected);
  if (there != expected)
    fail(Exit::usage, fmt::format("{}: its columns are not those that would be written ({}); name another --output, or "
                                  "begin again with --force",
                                  name, header.substr(0, header.size() - 1)));
}

}  // namespace

FoundRows::Name FoundRows::hashed(const std::string& name) {
  const auto hash = sha256(std::as_bytes(std::span(name)));
  Name half;
  std::memcpy(half.data(), hash.data(), sizeof half);
  return half;
}

FoundRows::FoundRows(std::string_view text, RowFormat format, const std::string& header, const std::string& name)
    : format_(format) {
  RowReader reader(text, format, name);
  if (std::vector<std::string> there; format == RowFormat::csv) {
    if (!reader.header(there)) return;
    check_header(there, header, name);
    bytes_ = header_.length = reader.at();
  }
  for (Row row; reader.next(row); bytes_ = reader.at())
    found_.push_back({.span = {row.begin, row.length},
                      .name = hashed(row.name),
                      .answered = row.answered,
                      .passing_error = row.passing_error});
  by_name_.resize(found_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::stable_sort(by_name_.begin(), by_name_.end(),
                   [&](uint32_t a, uint32_t b) { return found_[a].name < found_[b].name; });
}

bool FoundRows::has(const std::string& file) {
  const Name name = hashed(row_name(format_, file));
  const int64_t image = images_++;
  const auto first = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                      [&](uint32_t i, const Name& wanted) { return found_[i].name < wanted; });
  for (auto i = first; i != by_name_.end() && found_[*i].name == name; ++i) {
    Found& row = found_[*i];
    if (!row.answered) row.replaced = true;
    if (!row.answered || row.image >= 0) continue;
    row.image = image;
    ++kept_;
    return true;
  }
  asked_.push_back(image);
  return false;
}

int64_t FoundRows::others() const {
  return std::count_if(found_.begin(), found_.end(), [blank = hashed("")](const Found& row) {
    return row.image < 0 && row.answered && row.name != blank;
  });
}

std::vector<Span> FoundRows::final_order() const {
  struct Placed {
    int64_t image;
    Span span;
  };
  std::vector<Placed> rows;
  int64_t last = -1;
  for (const Found& row : found_) {
    if (row.image >= 0) last = row.image;
    if (!row.replaced && !(row.image < 0 && !row.answered && row.passing_error)) rows.push_back({last, row.span});
  }
  std::size_t end = bytes_;
  for (std::size_t i = 0; i < added_.size(); end += added_[i++]) rows.push_back({asked_[i], {end, added_[i]}});
  std::stable_sort(rows.begin(), rows.end(), [](const Placed& a, const Placed& b) { return a.image < b.image; });
  std::vector<Span> order;
  if (header_.length > 0) order.push_back(header_);
  for (const Placed& row : rows) order.push_back(row.span);
  std::size_t at = 0;
  for (const Span& span : order)
    if (std::exchange(at, span.begin + span.length) != span.begin) return order;
  return at == end ? std::vector<Span>() : order;
}

}  // namespace pc::predict
