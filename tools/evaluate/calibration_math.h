// The mathematics of calibration: from logits and true labels to a temperature, thresholds and a novelty limit.
#pragma once

#include <cstdint>
#include <vector>

#include "models/calibration.h"

namespace pc {

// What one head said of pictures that the network did not train on; pictures without a label are left out.
struct Evidence {
  std::vector<std::vector<float>> logits;
  std::vector<int32_t> labels;  // true ones, >= 0
};

// The temperature with the lowest cross entropy (Guo et al., "On calibration of modern neural networks", ICML 2017), to
// 6 digits, within 1/20 … 20. As Platt (1999) does, the true label counts as certain only as far as n pictures can
// tell: it has the weight 1 - 1/(n + 2), the rest is spread evenly. So the temperature stays sensible where every
// picture is right. 1 without evidence.
double fit_temperature(const Evidence& evidence);

struct Reliability {
  int64_t n = 0;
  double ece = 0;    // mean distance of confidence and accuracy, over 15 equal bins of the highest probability
  double nll = 0;    // mean cross entropy, nats
  double brier = 0;  // mean squared distance of the probabilities and the truth, summed over labels: 0 … 2
};
Reliability reliability(const Evidence& evidence, double temperature);

// One named label of a validation picture.
struct Vote {
  int32_t label;
  double p;
  bool correct;
};

// The lowest p such that the votes with at least that p are correct in `percent` of a hundred by Laplace's rule of
// succession, (correct + 1) / (n + 2): few votes prove little, 18 correct ones 95 %, 98 correct ones 99 %. Infinity
// where there is none.
double threshold(std::vector<Vote> votes, int percent);
// One per label, from the votes for it; that of all votes where a label has so few that they prove nothing even if all
// are correct.
std::vector<double> label_thresholds(const std::vector<Vote>& votes, int labels, int percent);

// The mean logits of those whose highest logit is the same, as unit vectors; one for each label that is the highest of
// any.
std::vector<std::vector<float>> mean_directions(const std::vector<std::vector<float>>& logits);

// The value that a share `above` of the scores exceeds at most. `scores` must not be empty.
double upper_quantile(std::vector<double> scores, double above);

}  // namespace pc
