// The counts of one head on a labeled set of images, and the figures that follow from them: accuracy, macro-F1, macro
// recall, loss, top-5 accuracy.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "models/classifier.h"

namespace pc::evaluate {

// Counts of one head: confusion[truth * classes + prediction], one row per true class.
struct HeadScore {
  std::string name;
  int classes = 0;  // that the head tells apart
  std::vector<int64_t> confusion;
  int64_t unknown = 0;  // pictures whose label the model never saw, or without a label
  // Per true class the predictions that are correct; without any entry the true classes are the head's own.
  std::vector<std::vector<int32_t>> correct = {};
  // Of the images counted with their logits: how many, the sum of their losses -ln softmax(logits)[truth], and how many have
  // the true class among the five largest logits.
  int64_t with_logits = 0, top5 = 0;
  double loss_sum = 0;

  void add(int truth, int prediction) {
    ++confusion[std::size_t(truth) * std::size_t(classes) + std::size_t(prediction)];
  }
  // The same for the first of the largest logits; for a score without a map.
  void add(int truth, std::span<const float> logits);
  bool mapped() const { return !correct.empty(); }
  bool is_correct(int truth, int prediction) const;
  int truths() const { return classes ? int(confusion.size() / std::size_t(classes)) : 0; }

  // Of one true class.
  int64_t pictures(int truth) const;
  int64_t hits(int truth) const;
  // Pictures of other classes with an incorrect prediction that would be correct for this one.
  int64_t claims(int truth) const;

  int64_t n() const;
  double accuracy() const;  // of n; 0 where n is 0
  // Mean over the true classes that have a picture, the others do not count; 0 where none has. F1 is 2 hits / (2 hits +
  // misses + claims).
  double macro_f1() const;
  double macro_recall() const;
  double majority() const;  // accuracy of the one prediction that is correct most often when always given
};

struct Interval {
  double low, high;
};
// 95 % confidence interval of a share of correct ones among n (Wilson, JASA 22, 1927); 0 … 1 for n = 0.
Interval wilson(double share, int64_t n);

// One per head, nothing counted yet.
std::vector<HeadScore> empty_scores(const std::vector<HeadShape>& heads);

// {"articleType": {"n", "unknown", "accuracy", "low", "high", "macro_f1", "majority"}, …}; low and high are wilson's, a
// mapped score has "mean_recall" in place of "macro_f1", and every share is null where n is 0. With logits also "loss", their
// mean, and "top5", a share, of a head with more than ten classes.
nlohmann::json to_json(const std::vector<HeadScore>& scores);
// The same as a table for people, "-" for null.
std::string to_table(const std::vector<HeadScore>& scores);

}  // namespace pc::evaluate
