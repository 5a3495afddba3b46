// Class map: which labels of a model are correct answers for a class of a data set that was labeled in other words.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "models/model_file.h"

namespace pc::evaluate {

// The pairs of one or more CSV files, whose names are found by data/name_key.h. A class may have several labels and a label several classes; labels of different
// models may stand in one map.
class ClassMap {
 public:
  // Adds the pairs of a CSV file with the columns class and label, a pair per row; lines that begin with # are
  // comments. Errors: Error(file); Error(data) naming file and line for a column that is not one of the two, an empty
  // cell, a comma too many, and a row that says the same as an earlier one.
  void add(const std::filesystem::path& path);
  bool empty() const { return pairs_.empty(); }

  // Error(data) naming file and line of a class that is not one of `classes`; `root` is what the data set is called.
  void check_classes(const std::vector<std::string>& classes, const std::string& root) const;
  // Per class the indices of its labels among `labels`; no index: it cannot be scored.
  std::vector<std::vector<int32_t>> correct_labels(const std::vector<std::string>& classes,
                                                   const std::vector<std::string>& labels) const;
  // The map's labels, each once, that are among `labels`, or that are not.
  std::vector<std::string> known(const std::vector<std::string>& labels) const { return labels_if(labels, true); }
  std::vector<std::string> unknown(const std::vector<std::string>& labels) const { return labels_if(labels, false); }
  // The head that knows the most of the map's labels; -1 where two know as many, or none knows any.
  int best_head(const std::vector<Head>& heads) const;

 private:
  struct Pair {
    std::string name, label, place;  // place: FILE:LINE
  };
  std::vector<std::string> labels_if(const std::vector<std::string>& labels, bool known) const;
  std::vector<Pair> pairs_;
};

}  // namespace pc::evaluate
