#include "models/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/json_checks.h"

namespace pc {
namespace {

using nlohmann::json;

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr const char* kScore = "cosine";
constexpr double kUnit = 10'000;

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

// JSON has no infinity: it is written as null.
json to_json(const Threshold& threshold) {
  json of_label = json::array();
  for (const double p : threshold.of_label) of_label.push_back(std::isfinite(p) ? json(p) : json(nullptr));
  return {{"percent", threshold.percent}, {"of_label", of_label}};
}

Threshold threshold_from_json(const json& j, int labels) {
  Threshold threshold{.percent = int(integer_at(j, "percent", 0, 100)), .of_label = {}};
  for (const json& p : j.at("of_label"))
    threshold.of_label.push_back(p.is_null() ? kNever : real(p, "a threshold", 0, kNever));
  if (threshold.of_label.size() != std::size_t(labels))
    throw std::out_of_range("a threshold for another number of labels");
  return threshold;
}

HeadCalibration head_from_json(const json& j, int labels) {
  HeadCalibration head{.temperature = real(j.at("temperature"), "temperature", 1e-6, 1e6), .thresholds = {}};
  for (const json& threshold : j.at("thresholds")) head.thresholds.push_back(threshold_from_json(threshold, labels));
  return head;
}

json ten_thousandths(const std::vector<std::vector<float>>& directions) {
  json rows = json::array();
  for (const std::vector<float>& direction : directions) {
    json& row = rows.emplace_back(json::array());
    for (const float value : direction) row.push_back(std::lround(double(value) * kUnit));
  }
  return rows;
}

NoveltyRule novelty_from_json(const json& j, const std::vector<HeadShape>& heads) {
  NoveltyRule rule{
      .head = head_index(heads, j.at("head")), .directions = {}, .limit = real(j.at("limit"), "limit", -10, 10)};
  const auto classes = std::size_t(heads[rule.head].classes);
  for (const json& row : j.at("directions")) {
    if (row.size() != classes) throw std::out_of_range("a novelty rule for another number of labels");
    std::vector<float>& direction = rule.directions.emplace_back();
    for (const json& value : row)
      direction.push_back(to_four_digits(real(value, "a direction's part", -kUnit, kUnit) / kUnit));
  }
  return rule;
}

}  // namespace

std::vector<double> probabilities(const std::vector<float>& logits, double temperature) {
  if (logits.empty()) return {};
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  double sum = 0;
  for (const float z : logits) {
    p.push_back(std::exp((z - top) / temperature));
    sum += p.back();
  }
  for (double& value : p) value /= sum;
  return p;
}

float to_four_digits(double value) { return float(std::round(value * kUnit) / kUnit); }

double novelty(const NoveltyRule& rule, const std::vector<std::vector<float>>& logits) {
  const std::vector<float>& z = logits[rule.head];
  const double length = std::sqrt(dot(z, z));
  if (!(length > 0)) return 1;
  double nearest = -1;
  for (const std::vector<float>& direction : rule.directions) nearest = std::max(nearest, dot(z, direction) / length);
  return 1 - nearest;
}

json to_json(const Calibration& calibration, const std::vector<HeadShape>& heads) {
  json j{{"heads", json::array()}};
  for (const HeadCalibration& head : calibration.heads) {
    json thresholds = json::array();
    for (const Threshold& threshold : head.thresholds) thresholds.push_back(to_json(threshold));
    j["heads"].push_back({{"temperature", head.temperature}, {"thresholds", thresholds}});
  }
  if (const auto& rule = calibration.novelty)
    j["novelty"] = {{"score", kScore},
                    {"head", heads[rule->head].name},
                    {"directions", ten_thousandths(rule->directions)},
                    {"limit", rule->limit}};
  return j;
}

Calibration calibration_from_json(const json& j, const std::vector<HeadShape>& heads) {
  Calibration calibration;
  const json& list = j.at("heads");
  if (list.size() != heads.size()) throw std::out_of_range("a calibration of another number of heads");
  for (std::size_t h = 0; h < heads.size(); ++h)
    calibration.heads.push_back(head_from_json(list.at(h), heads[h].classes));
  if (const auto found = j.find("novelty"); found != j.end() && found->at("score") == kScore)
    calibration.novelty = novelty_from_json(*found, heads);
  return calibration;
}

}  // namespace pc
