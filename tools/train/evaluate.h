// Scores of a classifier on a labelled set of pictures: accuracy and macro-F1 of each head.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "models/model_file.h"
#include "tools/train/batches.h"

namespace pc {

// Counts of one head: confusion[truth * classes + prediction].
struct HeadScore {
  std::string name;
  int classes = 0;
  std::vector<int64_t> confusion;
  int64_t unknown = 0;  // pictures whose label the model never saw, or without a label

  void add(int truth, int prediction) { ++confusion[std::size_t(truth * classes + prediction)]; }
  int64_t n() const;
  double accuracy() const;  // of n; 0 where n is 0
  double macro_f1() const;  // mean F1 of the classes that have a picture
  double majority() const;  // accuracy of always naming the most frequent class
};

using EvaluateProgress = std::function<void(int64_t done)>;

// One score per head. Labels are the batch maker's; label < 0 counts as unknown.
std::vector<HeadScore> evaluate(Classifier& model, const std::vector<HeadShape>& heads, const BatchMaker& batches,
                                std::span<const uint32_t> items, int batch, const EvaluateProgress& progress = {});

// {"articleType": {"accuracy", "macro_f1", "majority", "n", "unknown"}, …}
nlohmann::json to_json(const std::vector<HeadScore>& scores);
// The same as a table for people.
std::string to_table(const std::vector<HeadScore>& scores);

}  // namespace pc
