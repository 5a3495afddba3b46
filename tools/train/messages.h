// What a run tells people about its scores.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "models/model_info.h"
#include "tools/evaluate/head_score.h"

namespace pc::train {

// Of an "epoch" event of metrics.jsonl: "epoch 2/10: 812 img/s, 1:05 left | kind loss 0.332 accuracy 0.990, val …"; with several heads a line
// each below the first. `val` is empty without validation images. No time is left after the last epoch.
std::vector<std::string> epoch_lines(const nlohmann::json& event, const ModelInfo& info, int64_t epochs,
                                     double seconds_left, const std::vector<evaluate::HeadScore>& val);

// "test accuracy: kind 97.1 % (96.5 … 97.7)": with the 95 % interval of each head.
std::string accuracy_line(const std::vector<evaluate::HeadScore>& scores);

// A line for every head that is no better, or little better, than one constant answer.
std::vector<std::string> nothing_learned(const ModelInfo& info, const std::vector<evaluate::HeadScore>& scores);

}  // namespace pc::train
