// Calibration of a model's logits, measured on validation images: probabilities, thresholds for accepting a label, and
// detection of out-of-distribution images.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "models/head_shape.h"

namespace pc {

// A label may be accepted without review if its probability is at least `of_label`; `percent` of the labels accepted
// this way are correct.
struct Threshold {
  int percent = 95;
  std::vector<double> of_label;  // per label of the head; infinity: no probability is enough
};

struct HeadCalibration {
  double temperature = 1;             // the probabilities are softmax(logits / temperature)
  std::vector<Threshold> thresholds;  // by rising percent
};

// An image is rejected as out of distribution if its novelty score exceeds `limit`.
struct NoveltyRule {
  std::size_t head = 0;
  // In the space of this head's logits, one for each label that occurs in the data; unit vectors, rounded to four
  // digits.
  std::vector<std::vector<float>> directions;
  double limit = 0;
};

struct Calibration {
  std::vector<HeadCalibration> heads;  // one per head of the model
  std::optional<NoveltyRule> novelty;  // absent if there were too few images to set a limit
};

// softmax(logits / temperature).
std::vector<double> probabilities(const std::vector<float>& logits, double temperature);

// Rounded as directions are stored, so that a direction read from a file is equal to the one written.
float to_four_digits(double value);

// The novelty score of an image, from its logits per head: 1 - the cosine of the angle to the nearest of the rule's
// directions, in 0..2. It is the distance to class means of Lee et al. ("A simple unified framework for detecting
// out-of-distribution samples", NeurIPS 2018) with the angle as distance, and detects out-of-distribution images better
// than the energy of the logits does (bench/novelty.py).
double novelty(const NoveltyRule& rule, const std::vector<std::vector<float>>& logits);

// {"heads": [{"temperature", "thresholds": [{"percent", "of_label": [p or null, …]}]}], "novelty": {"score", "head",
// "directions": [[ten-thousandths, …]], "limit"}}
nlohmann::json to_json(const Calibration& calibration, const std::vector<HeadShape>& heads);
// Throws std::exception if it does not match the heads. A novelty rule with another score than ours is ignored.
Calibration calibration_from_json(const nlohmann::json& j, const std::vector<HeadShape>& heads);

}  // namespace pc
