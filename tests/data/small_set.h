// A small data set in Kaggle's layout with one of each trap, and what its items are.
#pragma once

#include <string>
#include <vector>

#include "data/catalog.h"
#include "make.h"

namespace pc::test {

using Strings = std::vector<std::string>;

inline const char* const kHeader = "id,gender,masterCategory,articleType,season,usage,productDisplayName\n";

inline std::string jpeg(int seed) { return jpeg_of(make_picture(8, 6, seed)); }

// Five rows: one with an unquoted comma, one with NA and an empty season, one without a picture; one picture without a
// row.
inline Files kaggle_files(const std::string& prefix = "") {
  return {{prefix + "styles.csv", std::string(kHeader) + "11,Men,Apparel,Shirts,Fall,Casual,Blue, checked shirt\n"
                                                         "12,Women,Footwear,Heels,,NA,Red heels\n"
                                                         "13,Men,Apparel,Jeans,Summer,Casual,Jeans\n"
                                                         "14,Men,Accessories,Belts,Summer,Casual,No picture\n"
                                                         "15,Men,Apparel,Shirts,Winter,Formal,Shirt\n"},
          {prefix + "images/11.jpg", jpeg(11)},
          {prefix + "images/12.jpg", jpeg(12)},
          {prefix + "images/13.jpg", jpeg(13)},
          {prefix + "images/15.jpg", jpeg(15)},
          {prefix + "images/99.jpg", jpeg(99)}};
}

inline Strings files_of(const DataSet& data) {
  Strings files;
  for (const auto& item : data.catalog.items) files.push_back(item.file);
  return files;
}

inline std::vector<int32_t> labels_of(const DataSet& data, std::size_t column) {
  std::vector<int32_t> labels;
  for (const auto& item : data.catalog.items) labels.push_back(item.labels[column]);
  return labels;
}

}  // namespace pc::test
