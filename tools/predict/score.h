// Scoring a model on a labelled data set of any layout: which column belongs to which head, and the counts.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/catalogue.h"
#include "tools/predict/predictor.h"
#include "tools/train/evaluate.h"

namespace pc {

struct ScoreSettings {
  std::vector<std::string> labels;  // columns to score; empty: every head that the data set has a column for
  std::string head;                 // the head that a data set with the one column "label" is scored on
  bool test_only = false;           // the test pictures of the training run (or of the data set itself), else all
};

// One label column matched with one head.
struct ScoredHead {
  std::size_t column, head;
  std::vector<int32_t> label_of_class;  // the data set's class -> the head's label of the same name, -1: never seen
};

struct ScorePlan {
  DataSet data;
  std::vector<ScoredHead> heads;
  std::vector<std::size_t> items;  // the pictures to score, in order
};

// Opens the data set and matches labels by name. Errors: Error(usage) for a head or column that is not there;
// Error(data) where the test pictures of the training run cannot be told.
ScorePlan plan_score(const std::filesystem::path& root, const ModelInfo& info, const ScoreSettings& settings);

struct ScoreReport {
  int64_t n = 0;  // pictures that were predicted
  std::vector<HeadScore> heads;
  std::vector<std::string> bad;  // what is wrong with the pictures that were not
};
ScoreReport score(Predictor& predictor, const ScorePlan& plan, int batch, const EvaluateProgress& progress = {});

struct Interval {
  double low, high;
};
// 95 % confidence interval of a share of `right` among n (Wilson, JASA 22, 1927); 0 … 1 for n = 0.
Interval wilson(double share, int64_t n);

// {"n", "bad", "heads": {NAME: {"accuracy", "macro_f1", "majority", "n", "unknown", "low", "high"}}}
nlohmann::ordered_json to_json(const ScoreReport& report);
std::string to_table(const ScoreReport& report);

}  // namespace pc
