#include "models/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pc {
namespace {

using nlohmann::json;

constexpr double kNever = std::numeric_limits<double>::infinity();

// Infinity has no number in JSON.
json to_json(const Threshold& threshold) {
  json of_label = json::array();
  for (const double p : threshold.of_label) of_label.push_back(std::isfinite(p) ? json(p) : json(nullptr));
  return {{"percent", threshold.percent}, {"of_label", of_label}};
}

Threshold threshold_from_json(const json& j, int labels) {
  Threshold threshold{.percent = j.at("percent"), .of_label = {}};
  for (const json& p : j.at("of_label")) threshold.of_label.push_back(p.is_null() ? kNever : p.get<double>());
  if (threshold.of_label.size() != std::size_t(labels))
    throw std::out_of_range("a threshold for another number of labels");
  return threshold;
}

HeadCalibration head_from_json(const json& j, int labels) {
  HeadCalibration head{.temperature = j.at("temperature"), .thresholds = {}};
  if (!(head.temperature > 0) || !std::isfinite(head.temperature))
    throw std::out_of_range("a temperature that is not above 0");
  for (const json& threshold : j.at("thresholds")) head.thresholds.push_back(threshold_from_json(threshold, labels));
  return head;
}

}  // namespace

std::size_t head_index(const std::vector<HeadShape>& heads, const std::string& name) {
  const auto found = std::find_if(heads.begin(), heads.end(), [&](const HeadShape& head) { return head.name == name; });
  if (found == heads.end()) throw std::out_of_range("no head \"" + name + "\"");
  return std::size_t(found - heads.begin());
}

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

double novelty(const NoveltyRule& rule, const std::vector<std::vector<float>>& logits) {
  const std::vector<float>& z = logits[rule.head];
  const double top = *std::max_element(z.begin(), z.end());
  double sum = 0;
  for (const float value : z) sum += std::exp(value - top);
  return -(top + std::log(sum));
}

json to_json(const Calibration& calibration, const std::vector<HeadShape>& heads) {
  json j{{"heads", json::array()}};
  for (const HeadCalibration& head : calibration.heads) {
    json thresholds = json::array();
    for (const Threshold& threshold : head.thresholds) thresholds.push_back(to_json(threshold));
    j["heads"].push_back({{"temperature", head.temperature}, {"thresholds", thresholds}});
  }
  if (const auto& rule = calibration.novelty)
    j["novelty"] = {{"score", "energy"}, {"head", heads[rule->head].name}, {"limit", rule->limit}};
  return j;
}

Calibration calibration_from_json(const json& j, const std::vector<HeadShape>& heads) {
  Calibration calibration;
  const json& list = j.at("heads");
  if (list.size() != heads.size()) throw std::out_of_range("a calibration of another number of heads");
  for (std::size_t h = 0; h < heads.size(); ++h)
    calibration.heads.push_back(head_from_json(list.at(h), heads[h].classes));
  if (const auto found = j.find("novelty"); found != j.end()) {
    if (found->at("score") != "energy") throw std::out_of_range("unknown novelty score " + found->at("score").dump());
    calibration.novelty = {.head = head_index(heads, found->at("head")), .limit = found->at("limit")};
  }
  return calibration;
}

}  // namespace pc
