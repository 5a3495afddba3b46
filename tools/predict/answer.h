// Answers: logits as labels with probabilities, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/predict/predictor.h"

namespace pc {

struct Guess {
  std::size_t label;  // index into the head's labels
  double p;           // softmax over all classes of the head
};
// The k most probable classes, best first; equal ones by index. Fewer where the head has fewer classes.
std::vector<Guess> top_guesses(const std::vector<float>& logits, int k);

// "ok", or what kind of failure an exit code means: "bad picture", "file", "limit".
const char* status_of(Exit code);

struct AnswerStyle {
  int top_k = 5;
  bool logits = false;  // JSON only
  bool bars = false, colour = false;
};

// {"file", "status", "heads": {NAME: [{"label", "p"}, …]}}, with "logits": {NAME: […]} where asked for; {"file",
// "status", "error"} for a picture that failed.
nlohmann::ordered_json to_json(const std::string& file, const Outcome& outcome, const ModelInfo& info,
                               const AnswerStyle& style);

// The file, then a line per guess; the name of the head stands on its first line. Control characters are shown as "?".
std::string to_text(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style);

}  // namespace pc
