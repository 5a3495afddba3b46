// CSV: one pass over the text, fields as slices of it.
#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "data/file_type_hint.h"
#include "data/name_key.h"
#include "data/utf16.h"
#include "kernels/base/error.h"
#include "kernels/base/nearest.h"
#include "kernels/base/text.h"

namespace pc::data {
namespace {

constexpr std::size_t kMaxField = std::size_t(1) << 20, kMaxFields = 10'000;

std::string_view trimmed_end(std::string_view text) { return text.substr(0, text.find_last_not_of(" \t\r\n") + 1); }

}  // namespace

std::string no_such_column(const std::string& file, const std::string& name, const std::vector<std::string>& there) {
  constexpr std::size_t kMost = 30;
  std::string message = fmt::format("{}: no column \"{}\"; the columns are", file, name);
  for (std::size_t i = 0; i < std::min(kMost, there.size()); ++i) message += (i ? ", " : " ") + printable(there[i]);
  if (there.size() > kMost) message += fmt::format(" and {} more", there.size() - kMost);
  if (const std::string nearest = nearest_name(name, there); !nearest.empty())
    message += fmt::format("; did you mean \"{}\"?", printable(nearest));
  return message;
}

CsvReader::CsvReader(std::string_view text, std::string name, Bytes bytes)
    : text_(text), name_(std::move(name)), bytes_(bytes) {
  decode();
  find_separator();
  read_header();
}

void CsvReader::decode() {
  if (has_utf16_mark(text_)) {
    auto decoded = utf8_of_utf16(text_);
    if (!decoded) fail(Exit::data, name_ + ": damaged UTF-16; save the file as UTF-8");
    decoded_ = std::move(*decoded);
    text_ = decoded_;
  }
  const auto bytes = std::as_bytes(std::span(text_.data(), text_.size()));
  if (!text_.empty() && !file_type_hint(bytes).empty()) fail(Exit::data, name_ + ": " + not_a("CSV file", bytes));
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
}

void CsvReader::find_separator() {
  const std::string_view line = text_.substr(at_, std::min(text_.find('\n', at_), text_.size()) - at_);
  if (equal_ignoring_case(line.substr(0, 4), "sep=") && line.size() > 4 && trimmed_end(line.substr(5)).empty()) {
    separator_ = line[4];
    at_ = std::min(at_ + line.size() + 1, text_.size());
    ++next_line_;
    return;
  }
  std::size_t most = 0;
  for (const char candidate : {',', ';', '\t', '|'}) {
    bool quoted = false;
    std::size_t count = 0;
    for (const char c : line) {
      if (c == '"') quoted = !quoted;
      if (c == candidate && !quoted) ++count;
    }
    if (count > most) most = count, separator_ = candidate;
  }
}

void CsvReader::read_header() {
  std::vector<std::string_view> fields;
  if (!read_row(fields)) fail(Exit::data, name_ + ": empty file");
  for (; fields.size() > 1 && trimmed(fields.back()).empty(); ++nameless_) fields.pop_back();
  header_.assign(fields.begin(), fields.end());
  std::set<std::string_view> names;
  for (const std::string& column : header_)
    if (!column.empty() && !names.insert(column).second)
      fail_row(fmt::format("column \"{}\" twice", printable(column)));
}

std::size_t CsvReader::column(const std::string& name) const {
  const auto found = find_name(header_, name);
  if (!found) fail(Exit::data, no_such_column(name_, name, header_));
  return *found;
}

void CsvReader::fail_row(const std::string& what) const {
  fail(Exit::data, fmt::format("{}:{}: {}", name_, row_line_, what));
}

// The field that opens with the quote at at_. Ends on the separator, the line break or the end of the text.
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
  if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' && !text_.substr(at_).starts_with("\r\n")) {
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

// The field that begins at at_ and ends before a separator, a line break or the end of the text.
std::string_view CsvReader::read_plain() {
  const char ends[] = {separator_, '\r', '\n'};
  const std::size_t begin = at_;
  at_ = std::min(text_.find_first_of(std::string_view(ends, 3), at_), text_.size());
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
  const auto is_text = [&](std::string_view part) { return bytes_ == Bytes::any || is_utf8(part); };
  if (nul == row.npos && is_text(row)) return;
  std::size_t line_end = 0;  // the error belongs to the first line of the row that has it
  for (int64_t line = row_line_;; ++line) {
    const std::size_t begin = line_end;
    line_end = std::min(row.find('\n', begin), row.size() - 1) + 1;
    const std::string_view part = row.substr(begin, line_end - begin);
    const char* what = part.find('\0') != part.npos ? "a NUL byte; is the file UTF-16 or damaged?"
                       : !is_text(part)             ? "not UTF-8; save the file as UTF-8"
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
    more = at_ < text_.size() && text_[at_] == separator_;
    if (at_ < text_.size() && text_[at_++] == '\n') ++next_line_;
  }
  check_text(text_.substr(begin, at_ - begin));
  return true;
}

bool CsvReader::next(std::vector<std::string_view>& fields) {
  const std::size_t expected = header_.size();
  const auto is_empty = [](std::string_view field) { return field.empty(); };
  do
    if (!read_row(fields)) return false;
  while (fields.size() > 1 && std::all_of(fields.begin(), fields.end(), is_empty));
  for (std::size_t i = 0; i < nameless_ && fields.size() > expected && fields.back().empty(); ++i) fields.pop_back();
  if (fields.size() < expected) fail_row(fmt::format("{} fields, expected {}", fields.size(), expected));
  if (fields.size() > expected) {
    std::string& joined = scratch_.emplace_back();
    for (std::size_t i = expected - 1; i < fields.size(); ++i) {
      if (i >= expected) joined += separator_;
      joined += fields[i];
    }
    fields.resize(expected);
    fields.back() = joined;
    ++repaired_;
  }
  return true;
}

}  // namespace pc::data
