// A strict reader of comma-separated files: every error names file and line.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace pc {

// Reads RFC 4180 text held in memory: UTF-8 with or without a BOM, LF or CRLF, quoted fields with commas, newlines and
// doubled quotes, blank lines. A quote inside an unquoted field is a character like any other. The first row is the
// header. Errors: Error(data) "styles.csv:1047: 9 fields, expected 10", "styles.csv:5: quoted field is never closed";
// NUL bytes, bytes that are not UTF-8, and files of another kind are refused, as are a field longer than 1 MiB and a
// row of more than 10,000 fields, so an unclosed quote costs neither time nor memory.
class CsvReader {
 public:
  // `text` must outlive the reader; `name` is what errors call the file.
  CsvReader(std::string_view text, std::string name);

  const std::vector<std::string>& header() const { return header_; }
  // Index of a column. Error(data) naming file, column, the columns there are and the nearest of them.
  std::size_t column(const std::string& name) const;

  // The next row, as many fields as the header has; false at the end. The views hold until the next call.
  // Surplus fields (an unquoted comma) are joined, commas and all, into the last column and counted in repaired().
  bool next(std::vector<std::string_view>& fields);
  int64_t line() const { return row_line_; }  // of the row last read, from 1
  int64_t repaired() const { return repaired_; }
  [[noreturn]] void fail_row(const std::string& what) const;  // Error(data) "NAME:LINE: what"

 private:
  bool read_row(std::vector<std::string_view>& fields);
  std::string_view read_plain();
  std::string_view read_quoted();
  void check_text(std::string_view row) const;

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0;
  int64_t next_line_ = 1, row_line_ = 1, repaired_ = 0;
  std::vector<std::string> header_;
  std::deque<std::string> scratch_;  // fields that are not a slice of the text
};

// "FILE: no column "NAME"; the columns are …; did you mean "…"?"
std::string no_such_column(const std::string& file, const std::string& name, const std::vector<std::string>& there);

}  // namespace pc
