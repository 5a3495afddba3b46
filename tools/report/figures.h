// Figures of the test pictures under one head: per class, per pair of classes, and of the probabilities.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tools/report/chart.h"
#include "tools/report/test_pass.h"

namespace pc {

// Of one class; a share of nothing is absent, never 0.
struct ClassFigures {
  int label = 0;
  int64_t n = 0, answers = 0, correct = 0;  // pictures of the class, answers that name it, and both at once
  std::optional<double> precision() const;
  std::optional<double> recall() const;
  std::optional<double> f1() const;  // absent for n = 0
};
// One per class, those with most pictures first.
std::vector<ClassFigures> class_figures(const TestedHead& head);

// How often pictures of one class got the answer of another, or of their own.
struct PairCount {
  int truth, answer;
  int64_t count;
};
// All that occur, the most frequent first.
std::vector<PairCount> pair_counts(const TestedHead& head);

// The confusion matrix of the most frequent classes, all others folded into a last row and column where there are any.
struct FoldedConfusion {
  std::vector<int> labels;
  bool folded = false;
  std::vector<std::vector<int64_t>> counts;  // [truth][answer]
};
FoldedConfusion fold_confusion(const TestedHead& head, std::size_t most);

// Answers whose probability falls into one of `bins` equal intervals.
struct ProbabilityBin {
  int64_t n = 0;
  double p = 0, accuracy = 0;  // means; 0 for n = 0
};
std::vector<ProbabilityBin> probability_bins(const TestedHead& head, int bins, double Tested::*probability);
// Expected calibration error: the mean distance of p from accuracy, weighted by n (Naeini et al., AAAI 2015).
double calibration_error(const std::vector<ProbabilityBin>& bins);

// Share of the pictures answered, the most confident first, against the accuracy among them; at most `most` points.
std::vector<ChartPoint> coverage_curve(const TestedHead& head, std::size_t most);

// The `most` pictures of highest loss, the highest first.
std::vector<Tested> highest_losses(const TestedHead& head, std::size_t most);

}  // namespace pc
