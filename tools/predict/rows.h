// The rows of pcpredict's files as they are found again: where each lies, whose it is, and whether it holds an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pc::predict {

enum class RowFormat { text, json, csv };

struct Row {
  std::size_t begin = 0, length = 0;  // in the text, its line break included
  std::string name;                   // of the image, as row_name() gives it; empty: a blank line
  // An answer, or what a person wrote in its place. A row without one says why the image could not be predicted.
  bool answered = false;
  // The error was of the disk or of memory: another attempt may not meet it.
  bool passing_error = false;
};

// The name by which the row of an image is found. Names that a format cannot hold as they are may become equal.
std::string row_name(RowFormat format, const std::string& file);

// Reads CSV (RFC 4180) or one JSON object per line. Errors: Error(data) "NAME:LINE: …" for what is not a row.
class RowReader {
 public:
  RowReader(std::string_view text, RowFormat format, std::string name)
      : text_(text), format_(format), name_(std::move(name)) {}
  // The fields of the header of a CSV; false if the text ends before its line break does.
  bool header(std::vector<std::string>& fields);
  // The next row; false at the end, or where only a part of a row is left.
  bool next(Row& row);
  std::size_t at() const { return at_; }  // after the row last read

 private:
  bool fields(std::vector<std::string>& all);
  bool csv(Row& row);
  bool json(Row& row);
  [[noreturn]] void fail_row() const;

  std::string_view text_;
  RowFormat format_;
  std::string name_;
  std::size_t at_ = 0;
  int64_t line_ = 1, row_line_ = 1;
};

}  // namespace pc::predict
