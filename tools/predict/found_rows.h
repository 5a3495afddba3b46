// The rows that a file to be resumed holds already: whose are there, and the order of the file when the missing ones
// have been added.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/predict/rows.h"

namespace pc::predict {

// A part of a file.
struct Span {
  std::size_t begin = 0, length = 0;
};

// About 80 bytes of memory for each row.
class FoundRows {
 public:
  // Reads all rows of `text`; a part of a row at its end does not count. `header`: the row that a
  // CSV must begin with. Errors: as RowReader; Error(usage) for a CSV with other columns.
  FoundRows(std::string_view text, RowFormat format, const std::string& header, const std::string& name);

  std::size_t bytes() const { return bytes_; }  // of whole rows, the header included
  int64_t rows() const { return int64_t(found_.size()); }

  // Of the images of the job, one call after the other: whether the row of this one is there, with an answer. Each row
  // is of one image.
  bool has(const std::string& file);
  int64_t kept() const { return kept_; }  // so many times it was; any thread may ask

  // The next row that was not there has been added at the end of the file.
  void added(std::size_t length) { added_.push_back(length); }

  // To be asked when all images have been through has(), and their rows were added:
  // rows of images that were not among them,
  int64_t others() const;
  // and the parts of the file in their final order, that of the images. A row of no image stays after the row that it
  // followed. An answer takes the place of a row without one; a row that only tells a passing error of what is no image
  // any more is left out. Empty: the file is so already.
  std::vector<Span> final_order() const;

 private:
  using Name = std::array<uint64_t, 2>;  // half of a SHA-256
  struct Found {
    Span span;
    Name name;
    int64_t image = -1;  // its number
    bool answered, passing_error, replaced = false;
  };
  static Name hashed(const std::string& name);

  RowFormat format_;
  std::size_t bytes_ = 0;
  Span header_;
  std::vector<Found> found_;
  std::vector<uint32_t> by_name_;  // of found_, equal names in the order of the file
  std::vector<int64_t> asked_;     // the numbers of images whose rows were not there
  std::vector<std::size_t> added_;
  int64_t images_ = 0;
  std::atomic<int64_t> kept_ = 0;
};

}  // namespace pc::predict
