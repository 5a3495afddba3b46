// What the logits of a model are worth, measured on validation pictures: probabilities, when to trust a name, and what
// is no product.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "models/classifier.h"

namespace pc {

// A label may be accepted unseen where its probability reaches `of_label`, so that `percent` of the accepted ones are
// right.
struct Threshold {
  int percent = 95;
  std::vector<double> of_label;  // per label of the head; infinity: no probability is enough
};

struct HeadCalibration {
  double temperature = 1;             // the probabilities are softmax(logits / temperature)
  std::vector<Threshold> thresholds;  // by rising percent
};

// A picture is no product where its novelty exceeds `limit`.
struct NoveltyRule {
  std::size_t head = 0;
  // Of this head's logits, one for each label that products got; unit vectors, to four digits.
  std::vector<std::vector<float>> directions;
  double limit = 0;
};

struct Calibration {
  std::vector<HeadCalibration> heads;  // one per head of the model
  std::optional<NoveltyRule> novelty;  // absent where too few pictures could set a limit
};

// softmax(logits / temperature).
std::vector<double> probabilities(const std::vector<float>& logits, double temperature);

// As a direction is kept, so that it comes back from a file as it was.
float to_four_digits(double value);

// How strange a picture is, from its logits per head: 1 - the cosine of the angle to the nearest of the rule's directions,
// in 0..2. It is the distance to class means of Lee et al. ("A simple unified framework for detecting out-of-distribution
// samples", NeurIPS 2018) with the angle as distance, and tells strangers better than the energy of the logits does
// (bench/novelty.py).
double novelty(const NoveltyRule& rule, const std::vector<std::vector<float>>& logits);

// {"heads": [{"temperature", "thresholds": [{"percent", "of_label": [p or null, …]}]}], "novelty": {"score", "head",
// "directions": [[ten-thousandths, …]], "limit"}}
nlohmann::json to_json(const Calibration& calibration, const std::vector<HeadShape>& heads);
// Throws std::exception where it does not fit the heads. A novelty rule with another score than ours is left out.
Calibration calibration_from_json(const nlohmann::json& j, const std::vector<HeadShape>& heads);

// The place of a head in `heads`; throws std::out_of_range naming one that is not there.
std::size_t head_index(const std::vector<HeadShape>& heads, const std::string& name);

}  // namespace pc
