// Answers: logits as labels with probabilities, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/predict/predictor.h"
#include "tools/predict/verdict.h"

namespace pc {

struct Guess {
  std::size_t label;  // index into the head's labels
  double p;           // softmax over all classes of the head, calibrated
};
// The named label, then the most probable others, k in all; equal ones by index. Fewer where the head has fewer
// classes, none where it names none. The first guesses of linked heads are a combination that occurs, the other ones
// need not be.
std::vector<Guess> top_guesses(const std::vector<float>& logits, double temperature, int32_t named, int k);

// "ok", or what kind of failure an exit code means: "bad picture", "file", "limit".
const char* status_of(Exit code);

struct AnswerStyle {
  int top_k = 5;
  int accept_at = 95;   // percent of what is sure are wanted to be right
  bool logits = false;  // JSON only
  bool bars = false, colour = false;
};

// {"file", "status", "heads": {NAME: [{"label", "p"}, …]}, "preprocess"}, with "logits": {NAME: […]} where asked for;
// {"file", "status", "error"} for a picture that failed. A calibrated model adds "verdict", "review": the heads that
// are not sure, "paths": per chain of heads the labels as far as they are sure, and "novelty": {"score", "limit"}.
nlohmann::ordered_json to_json(const std::string& file, const Outcome& outcome, const ModelInfo& info,
                               const AnswerStyle& style);

// The file, then a line per guess; the name of the head stands on its first line. Of a calibrated model then the chains
// of heads as paths, and the verdict. Control characters are shown as "?".
std::string to_text(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style);

}  // namespace pc
