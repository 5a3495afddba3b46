// The two ways to send pictures: /v1/predict, and KServe's infer.
#pragma once

#include <memory>

#include "tools/serve/metrics.h"
#include "tools/serve/predictions.h"
#include "tools/serve/service.h"

namespace pc {

// What the pictures of a request go through.
struct PredictPipeline {
  std::shared_ptr<ServedModel> model;
  Batcher& batcher;
  Workers& workers;
  Metrics& metrics;
};

// Both take the request's body, and throw what becomes a 4xx: Error(usage), Error(data), Error(limit).
void answer_predict(Request& request, const Respond& respond, const PredictPipeline& pipeline);
void answer_infer(Request& request, const Respond& respond, const PredictPipeline& pipeline);

}  // namespace pc
