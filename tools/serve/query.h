// What the query of a prediction request asks for.
#pragma once

#include <string>
#include <vector>

#include "tools/predict/answer.h"

namespace pc::serve {

struct PredictQuery {
  predict::AnswerStyle style;
  bool explain = false;  // a heat map per head, and the pictures of similar products
};

// A whole number from `least` to `most`, or one of `values` if there are any.
struct QueryParameter {
  const char *name, *help;
  int least, most, usual;
  void (*set)(PredictQuery&, int);
  std::vector<int> values = {};
};

// Those that can be given: "similar" only to a server with an index, "accept_at" only to a calibrated model.
std::vector<QueryParameter> query_parameters(const ModelInfo& info, bool has_index);

// "top_k=3&accept_at=90&logits=1&similar=6&explain=1"; each may be absent. Throws Error(usage) for what is unknown,
// given twice or out of its range.
PredictQuery parse_query(const std::string& query, const ModelInfo& info, bool has_index);

}  // namespace pc::serve
