// The two ways to send pictures: /v1/predict, and KServe's infer.
#pragma once

#include "tools/serve/metrics.h"
#include "tools/serve/predictions.h"
#include "tools/serve/routes.h"

namespace pc::serve {

// What the pictures of a request go through.
struct PredictPipeline {
  Batcher& batcher;
  Workers& workers;
  Metrics& metrics;
};

// Both take the request's body, and throw what becomes a 4xx: Error(usage), Error(data), Error(limit).
void answer_predict(Call& call, const PredictPipeline& pipeline);
void answer_infer(Call& call, const PredictPipeline& pipeline);

}  // namespace pc::serve
