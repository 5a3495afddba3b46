// CSV: one pass over the text, fields as slices of it.
#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "data/file_type_hint.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

constexpr std::size_t kMaxField = std::size_t(1) << 20, kMaxFields = 10'000;

}  // namespace

std::string no_such_column(const std::string& file, const std::string& name, const std::vector<std::string>& there) {
  constexpr std::size_t most = 30;
  std::string message = fmt::format("{}: no column \"{}\"; the columns are", file, name);
  for (std::size_t i = 0; i < std::min(most, there.size()); ++i) message += (i ? ", " : " ") + printable(there[i]);
  if (there.size() > most) message += fmt::format(" and {} more", there.size() - most);
  const auto distance = [&](const std::string& c) { return edit_distance(name, c); };
  const auto nearest = std::min_element(there.begin(), there.end(),
                                        [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  if (nearest != there.end() && distance(*nearest) <= 1 + name.size() / 3) {
    message += fmt::format("; did you mean \"{}\"?", printable(*nearest));
  }
  return message;
}

CsvReader::CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
  if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
    fail(Exit::data, name_ + ": the file is UTF-16; save it as UTF-8");
  }
  const auto bytes = std::as_bytes(std::span(text_.data(), text_.size()));
  if (!text_.empty() && !file_type_hint(bytes).empty()) fail(Exit::data, name_ + ": " + not_a("CSV file", bytes));
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  std::vector<std::string_view> fields;
  if (!read_row(fields)) fail(Exit::data, name_ + ": empty file");
  header_.assign(fields.begin(), fields.end());
  std::set<std::string_view> names;
  for (const std::string& column : header_)
    if (!names.insert(column).second) fail_row(fmt::format("column \"{}\" twice", printable(column)));
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

// The field that begins at at_ and ends before a comma, a line break or the end of the text.
std::string_view CsvReader::read_plain() {
  const std::size_t begin = at_;
  at_ = std::min(text_.find_first_of(",\r\n", at_), text_.size());
  if (at_ - begin > kMaxField) fail_row("field is longer than 1 MiB");
  const std::string_view field = text_.substr(begin, at_ - begin);
  if (at_ == text_.size() || text_[at_] != '\r') return field;
  if (at_ + 1 < text_.size() && text_[at_ + 1] != '\n')
    fail_row("a carriage return without a line feed; save the file with LF or CRLF at the ends of lines");
  return field;
}

// `row` is the text of the row that begins at row_line_.
void CsvReader::check_text(std::string_view row) const {
  const std::size_t nul = row.find('\0');
  if (nul == row.npos && is_utf8(row)) return;
  std::size_t line_end = 0;  // the error belongs to the first line of the row that has it
  for (int64_t line = row_line_;; ++line) {
    const std::size_t begin = line_end;
    line_end = std::min(row.find('\n', begin), row.size() - 1) + 1;
    const std::string_view part = row.substr(begin, line_end - begin);
    const char* what = part.find('\0') != part.npos ? "a NUL byte; is the file UTF-16 or damaged?"
                       : !is_utf8(part)             ? "not UTF-8; save the file as UTF-8"
                                                    : nullptr;
    if (what) fail(Exit::data, fmt::format("{}:{}: {}", name_, line, what));
  }
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
  const std::size_t begin = at_;
  for (bool more = true; more;) {
    if (fields.size() == kMaxFields) fail_row(fmt::format("more than {} fields", kMaxFields));
    fields.push_back(at_ < text_.size() && text_[at_] == '"' ? read_quoted() : read_plain());
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    more = at_ < text_.size() && text_[at_] == ',';
    if (at_ < text_.size() && text_[at_++] == '\n') ++next_line_;
  }
  check_text(text_.substr(begin, at_ - begin));
  return true;
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
