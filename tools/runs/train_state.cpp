#include "tools/runs/train_state.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "kernels/base/error.h"
#include "models/json_checks.h"

namespace pc::runs {
namespace {

using nlohmann::json;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

json to_json(const TrainState& s) {
  return {{"epoch", s.epoch},
          {"step", s.step},
          {"total_steps", s.total_steps},
          {"loss_sums", s.loss_sums},
          {"hits", s.hits},
          {"seen", s.seen},
          {"best", s.best},
          {"best_epoch", s.best_epoch},
          {"finished", s.finished},
          {"seconds", s.seconds},
          {"log_bytes", s.log_bytes},
          {"trained_log_bytes", s.trained_log_bytes}};
}

std::vector<int64_t> counts_at(const json& j, const char* key, std::size_t heads) {
  std::vector<int64_t> counts;
  for (const json& value : j.at(key)) counts.push_back(integer(value, key, 0, kMost));
  if (counts.size() != heads) throw std::out_of_range(fmt::format("{} and loss_sums are of different lengths", key));
  return counts;
}

TrainState state_from_json(const json& j) {
  constexpr double kFinite = std::numeric_limits<double>::max();
  TrainState s{.epoch = integer_at(j, "epoch", 0, kMost),
               .step = integer_at(j, "step", 0, kMost),
               .total_steps = integer_at(j, "total_steps", 0, kMost),
               .best = real(j.at("best"), "best", -1, 2),
               .best_epoch = integer_at(j, "best_epoch", 0, kMost),
               .finished = integer_at(j, "finished", 0, kMost),
               .seconds = real(j.at("seconds"), "seconds", 0, kFinite),
               .log_bytes = integer_at(j, "log_bytes", 0, kMost)};
  s.trained_log_bytes =
      j.contains("trained_log_bytes") ? integer_at(j, "trained_log_bytes", 0, kMost) : s.log_bytes;  // older files
  for (const json& value : j.at("loss_sums")) s.loss_sums.push_back(real(value, "loss_sums", -kFinite, kFinite));
  s.hits = counts_at(j, "hits", s.loss_sums.size());
  s.seen = counts_at(j, "seen", s.loss_sums.size());
  return s;
}

json to_json(const GradScalerState& s) {
  return {{"loss_scale", s.scale}, {"good_steps", s.good_steps}, {"steps", s.steps}, {"updates", s.updates}};
}

GradScalerState scaler_from_json(const json& j) {
  return {.scale = float(real(j.at("loss_scale"), "loss_scale", 0, double(std::numeric_limits<float>::max()))),
          .good_steps = integer_at(j, "good_steps", 0, kMost),
          .steps = integer_at(j, "steps", 0, kMost),
          .updates = integer_at(j, "updates", 0, kMost)};
}

}  // namespace

std::map<std::string, std::string> to_metadata(const Progress& progress) {
  return {{"pc.train", to_json(progress.train).dump()}, {"pc.scaler", to_json(progress.scaler).dump()}};
}

Progress read_progress(const std::map<std::string, std::string>& metadata, const std::string& path) {
  for (const char* key : {"pc.train", "pc.scaler"})
    if (!metadata.contains(key))
      fail(Exit::data,
           fmt::format(
               "{}: has no {}: another version of pctrain wrote it; go on with that one, or choose another --name",
               path, key));
  try {
    return {state_from_json(json::parse(metadata.at("pc.train"))),
            scaler_from_json(json::parse(metadata.at("pc.scaler")))};
  } catch (const std::exception& e) {
    fail(Exit::data, path + ": broken checkpoint: " + e.what());
  }
}

}  // namespace pc::runs
