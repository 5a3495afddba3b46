// From pictures to what the network says of them: decoded by the caller, answered in their order.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tools/serve/batcher.h"
#include "tools/serve/workers.h"

namespace pc::serve {

// One picture of a request, answered.
struct Answered {
  Inference inference;
  data::Image view;  // where an explanation was asked for: the picture to draw it on
};

using AnsweredSink = std::function<void(std::vector<Answered>&)>;

// Decodes each picture on this thread (an Error that it throws becomes its outcome), sends them through `batcher`, and
// posts the sink to `workers` when the last one is answered. One place per picture. May be called on a worker.
void predict(std::shared_ptr<ServedModel> model, std::vector<std::function<data::Image()>> pictures,
             std::vector<Batcher::Place> places, bool explain, Batcher& batcher, Workers& workers, AnsweredSink sink);

}  // namespace pc::serve
