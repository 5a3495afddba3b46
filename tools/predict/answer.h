// Answers: logits as labels with probabilities, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/predict/predictor.h"
#include "tools/predict/status.h"
#include "tools/predict/verdict.h"

namespace pc::predict {

struct Guess {
  std::size_t label;  // index into the head's labels
  double p;           // softmax over all classes of the head, calibrated
};
// The named label, then the most probable others, k in all; equal ones by index. Fewer where the head has fewer
// classes, none where it names none. The first guesses of linked heads are a combination that occurs, the other ones
// need not be.
std::vector<Guess> top_guesses(const std::vector<float>& logits, double temperature, int32_t named, int k);

struct AnswerStyle {
  int top_k = 5;
  int accept_at = 95;   // target precision, in percent, of what is reported as confident
  bool logits = false;  // JSON only
  int similar = 0;      // so many nearest products are told, where an index was asked
  bool bars = false, color = false;
};

// {"file", "status", "heads": {NAME: [{"label", "p"}, …]}, "preprocess"}, with "logits": {NAME: […]} where asked for;
// {"file", "status", "error"} for a picture that failed. A calibrated model adds "verdict", "review": the heads that
// are not confident, "paths": per chain of heads the labels as far as they are confident, and "novelty": {"score",
// "limit"}. With style.similar, "similar": [{"file", "cosine"}, …].
nlohmann::ordered_json to_json(const std::string& file, const Outcome& outcome, const ModelInfo& info,
                               const AnswerStyle& style);

// The file, then a line per guess; the name of the head stands on its first line. Then the nearest products, how the
// picture was prepared, and of a calibrated model the chains of heads as paths, and the verdict. Control characters are
// shown as "?".
std::string to_text(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style);

// RFC 4180, lines ended by LF: file, status, error and verdict as in the JSON, then per head NAME, NAME_p and, of a
// calibrated model, NAME_review ("yes" or "no"); then per nearest product similar_1, similar_1_cosine, …. Where a text
// begins with =, +, -, @, a tab or a carriage return, an apostrophe goes first: a spreadsheet would take it for a
// formula.
std::string csv_header(const ModelInfo& info, const AnswerStyle& style);
std::string to_csv(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style);

}  // namespace pc::predict
