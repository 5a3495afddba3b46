// A strict reader of comma-separated files: every error names file and line.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace pc::data {

// Reads RFC 4180 text held in memory: UTF-8 with or without a BOM, or UTF-16 with one, LF or CRLF, quoted fields with
// commas, newlines and doubled quotes, blank lines and rows of empty fields alone. Fields are separated by the one of
// , ; tab | that the header has most of, or by what a first line "sep=;" says. A quote inside an unquoted field is a
// character like any other. The first row is the header; empty fields at its end (Excel) are no columns.
// Errors: Error(data) "styles.csv:1047: 9 fields, expected 10", "styles.csv:5: quoted field is never closed"; NUL bytes,
// bytes that are not UTF-8, and files of another kind are refused, as are a field longer than 1 MiB and a row of more
// than 10,000 fields, so an unclosed quote costs neither time nor memory.
class CsvReader {
 public:
  enum class Bytes { utf8, any };  // what a field may hold; file names are any bytes

  // `text` must outlive the reader; `name` is what errors call the file.
  CsvReader(std::string_view text, std::string name, Bytes bytes = Bytes::utf8);
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  const std::vector<std::string>& header() const { return header_; }
  // Index of a column, by find_name (data/name_key.h): "ID" is found as "id". Error(data) naming file, column, the
  // columns there are and the nearest of them.
  std::size_t column(const std::string& name) const;

  // The next row, as many fields as the header has; false at the end. The views hold until the next call.
  // Surplus fields (an unquoted comma) are joined, commas and all, into the last column and counted in repaired().
  bool next(std::vector<std::string_view>& fields);
  int64_t line() const { return row_line_; }  // of the row last read, from 1
  int64_t repaired() const { return repaired_; }
  [[noreturn]] void fail_row(const std::string& what) const;  // Error(data) "NAME:LINE: what"

 private:
  void decode();
  void find_separator();
  void read_header();
  bool read_row(std::vector<std::string_view>& fields);
  std::string_view read_plain();
  std::string_view read_quoted();
  void check_text(std::string_view row) const;

  std::string_view text_;
  std::string name_;
  Bytes bytes_;
  std::string decoded_;  // of UTF-16
  char separator_ = ',';
  std::size_t at_ = 0;
  int64_t next_line_ = 1, row_line_ = 1, repaired_ = 0;
  std::size_t nameless_ = 0;  // empty fields at the header's end
  std::vector<std::string> header_;
  std::deque<std::string> scratch_;  // fields that are not a slice of the text
};

// "FILE: no column "NAME"; the columns are …; did you mean "…"?"
std::string no_such_column(const std::string& file, const std::string& name, const std::vector<std::string>& there);

}  // namespace pc::data
