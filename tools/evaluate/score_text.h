// The report of a score as a table for people and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/evaluate/score.h"

namespace pc::evaluate {

// {"n", "bad", "heads": {NAME: {as to_json(HeadScore), "named": {"accuracy", "sure", "precision"}, "unscored": {CLASS:
// n}}}, "verdicts": {"percent", VERDICT: n}}, the last of a calibrated model only; "sure" is a share of the pictures,
// "precision" of those that are confident; with `per_class` each head has "classes": {CLASS: {"n", "recall", "low",
// "high", "precision", "f1", "mistaken_for", "mistaken"}}, null where nothing was counted. Precision counts an
// incorrect answer against every class that it would be correct for.
nlohmann::ordered_json to_json(const ScoreReport& report, bool per_class);
std::string to_table(const ScoreReport& report, bool per_class);

}  // namespace pc::evaluate
