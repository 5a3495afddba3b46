// Scoring a model on a labeled data set of any layout: which column belongs to which head, and the counts.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "tools/evaluate/class_map.h"
#include "tools/evaluate/head_score.h"
#include "tools/predict/predictor.h"
#include "tools/predict/verdict.h"

namespace pc::evaluate {

struct ScoreSettings {
  std::vector<std::string> labels;  // columns to score; empty: every head that the data set has a column for
  std::string head;                 // the head that a data set with one label per picture is scored on
  ClassMap map;                     // which answers are correct for the one column; empty: the label of the same name
  int64_t min_count = 1;            // pictures of classes with fewer in the data set are not scored
  bool test_only = false;           // the test pictures of the training run (or of the data set itself), else all
  bool test_if_known = false;       // those of the training run, if the model says that it was trained on this data set
};

// One label column matched with one head.
struct ScoredHead {
  std::size_t column, head;
  // The data set's class -> the row of HeadScore's counts, -1: cannot be scored. Without a map the rows are the head's
  // labels, with one the classes.
  std::vector<int32_t> truth_of_class;
  std::vector<std::vector<int32_t>> correct = {};  // as in HeadScore
  bool scores_anything() const;
};

struct ScorePlan {
  data::DataSet data;
  std::vector<ScoredHead> heads;
  std::vector<std::size_t> items;  // the pictures to score, in order
  bool of_training = false;        // the model says that it was trained on this data set
};

// Opens the data set and matches labels by name or by the map. Errors: Error(usage) for a head or column that is not
// there, or where a map needs one of several; Error(data) where the test pictures of the training run cannot be told,
// and as ClassMap::check_classes.
ScorePlan plan_score(const std::filesystem::path& root, const ModelInfo& info, const ScoreSettings& settings);

// What a model says of the pictures of a plan.
struct Answers {
  std::vector<std::vector<int32_t>>
      labels;                    // per head of the plan and picture: the highest logit's; -1: could not be read
  std::vector<std::string> bad;  // what is wrong with those
  int64_t n = 0;                 // pictures that were predicted
};
// The picture of items[i] of the plan.
using Decode = std::function<data::Image(std::size_t i)>;
// `sink` gets the logits of each picture i that could be read, in order.
Answers answer_all(predict::Predictor& predictor, const ScorePlan& plan, const Decode& decode, int batch,
                   const std::function<void(int64_t done)>& progress = {},
                   const std::function<void(std::size_t i, const predict::Logits&)>& sink = {});
// As the model's training saw the pictures.
Decode as_trained(const predict::Predictor& predictor, const ScorePlan& plan);

// Of head h of the plan: the true row of picture i, -1 where it cannot be scored.
int32_t truth_of(const ScorePlan& plan, std::size_t h, std::size_t i);

// What pcpredict would say under one head, of the n scored pictures.
struct NamedScore {
  int64_t n = 0, correct = 0;  // named correctly, joint with the other heads
  int64_t confident = 0, confident_correct = 0;
};

// One head's counts with the names that its rows and the left-out pictures go by.
struct HeadReport {
  HeadScore score;
  std::vector<std::string> classes, labels;               // of the rows, of the predictions
  std::vector<std::pair<std::string, int64_t>> unscored;  // classes of pictures counted as unknown; "": no label
  NamedScore named = {};
};
struct ScoreReport {
  int64_t n = 0;  // pictures that were predicted
  std::vector<HeadReport> heads;
  std::vector<std::string> bad;                       // what is wrong with the pictures that were not
  int percent = 95;                                   // target precision of what is reported as confident
  std::map<predict::Verdict, int64_t> verdicts = {};  // of all heads of the model; empty without a calibration
};
ScoreReport make_report(const ScorePlan& plan, const ModelInfo& info, const Answers& answers);

// What pcpredict would say of the pictures of a plan; plan and info must outlive it.
class Naming {
 public:
  // `percent`: the target precision of what is reported as confident.
  Naming(const ScorePlan& plan, const ModelInfo& info, int percent)
      : plan_(plan), info_(info), percent_(percent), heads_(plan.heads.size()) {}
  void add(std::size_t i, const predict::Logits& logits);
  void enter(ScoreReport& report) const;

 private:
  const ScorePlan& plan_;
  const ModelInfo& info_;
  int percent_;
  std::vector<NamedScore> heads_;
  std::map<predict::Verdict, int64_t> verdicts_;
};

}  // namespace pc::evaluate
