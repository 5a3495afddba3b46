// CSV: one pass over the text, fields as slices of it.
#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "kernels/runtime/error.h"

namespace pc {
namespace {

constexpr std::size_t kMaxField = std::size_t(1) << 20;

// Levenshtein distance: insertions, deletions and substitutions.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t(0));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::string no_such_column(const std::string& file, const std::string& name, const std::vector<std::string>& there) {
  std::string message = fmt::format("{}: no column \"{}\"; the columns are", file, name);
  for (std::size_t i = 0; i < there.size(); ++i) message += (i ? ", " : " ") + there[i];
  const auto distance = [&](const std::string& c) { return edit_distance(name, c); };
  const auto nearest = std::min_element(there.begin(), there.end(),
                                        [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  if (nearest != there.end() && distance(*nearest) <= 1 + name.size() / 3) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  return message;
}

CsvReader::CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
  if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
    fail(Exit::data, name_ + ": the file is UTF-16; save it as UTF-8");
  }
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  std::vector<std::string_view> fields;
  if (!read_row(fields)) fail(Exit::data, name_ + ": empty file");
  header_.assign(fields.begin(), fields.end());
  std::unordered_set<std::string_view> seen;
  for (const std::string& column : header_)
    if (!seen.insert(column).second) fail_row(fmt::format("column \"{}\" twice", column));
}

std::size_t CsvReader::column(const std::string& name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) fail(Exit::data, no_such_column(name_, name, header_));
  return std::size_t(found - header_.begin());
}

void CsvReader::fail_row(const std::string& what) const {
  fail(Exit::data, fmt::format("{}:{}: {}", name_, row_line_, what));
}

// The field that opens with the quote at at_. Ends on the comma, the line break or the end of the text.
std::string_view CsvReader::read_quoted() {
  const int64_t opened = next_line_;
  const auto refuse = [&](const char* what) { fail(Exit::data, fmt::format("{}:{}: {}", name_, opened, what)); };
  const std::size_t begin = ++at_;
  bool doubled = false;
  for (;; ++at_) {
    if (at_ == text_.size()) refuse("quoted field is never closed");
    if (at_ - begin > kMaxField) refuse("quoted field is longer than 1 MiB; is its closing quote missing?");
    if (text_[at_] == '\n') ++next_line_;
    if (text_[at_] != '"') continue;
    if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
    doubled = true;
    ++at_;
  }
  std::string_view field = text_.substr(begin, at_ - begin);
  ++at_;
  if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && !text_.substr(at_).starts_with("\r\n")) {
    refuse("text after the closing quote of a field; double the quotes inside it");
  }
  if (!doubled) return field;
  std::string& plain = scratch_.emplace_back();
  for (std::size_t i = 0; i < field.size(); ++i) {
    plain += field[i];
    if (field[i] == '"') ++i;
  }
  return plain;
}

bool CsvReader::read_row(std::vector<std::string_view>& fields) {
  fields.clear();
  scratch_.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n"))) {  // blank lines
    at_ += text_[at_] == '\n' ? 1 : 2;
    ++next_line_;
  }
  row_line_ = next_line_;
  if (at_ >= text_.size()) return false;
  while (true) {
    if (at_ < text_.size() && text_[at_] == '"') {
      fields.push_back(read_quoted());
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
      if (end - at_ > kMaxField) fail_row("field is longer than 1 MiB");
      std::string_view field = text_.substr(at_, end - at_);
      if (field.ends_with('\r') && (end == text_.size() || text_[end] == '\n')) field.remove_suffix(1);
      fields.push_back(field);
      at_ = end;
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;  // after a quoted field
    if (at_ >= text_.size()) return true;
    if (text_[at_++] == '\n') {
      ++next_line_;
      return true;
    }
  }
}

bool CsvReader::next(std::vector<std::string_view>& fields) {
  if (!read_row(fields)) return false;
  const std::size_t expected = header_.size();
  if (fields.size() < expected) fail_row(fmt::format("{} fields, expected {}", fields.size(), expected));
  if (fields.size() > expected) {
    std::string& joined = scratch_.emplace_back();
    for (std::size_t i = expected - 1; i < fields.size(); ++i) {
      if (i >= expected) joined += ',';
      joined += fields[i];
    }
    fields.resize(expected);
    fields.back() = joined;
    ++repaired_;
  }
  return true;
}

}  // namespace pc
