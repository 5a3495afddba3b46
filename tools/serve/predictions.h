// From pictures to what the network says of them: decoded by the workers, answered in their order.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tools/serve/batcher.h"
#include "tools/serve/pictures.h"
#include "tools/serve/workers.h"

namespace pc::serve {

// One picture of a request, answered.
struct Answered {
  Inference inference;
  data::Image view;  // where an explanation was asked for: the picture to draw it on
};

using AnsweredSink = std::function<void(std::vector<Answered>&)>;

// Has `workers` decode each picture (what that throws becomes its outcome), sends them through `batcher`, and posts the
// sink to `workers` when the last one is answered: all of it when the request's turn has come. One place per picture.
void predict(std::shared_ptr<ServedModel> model, std::vector<Picture> pictures, std::vector<Batcher::Place> places,
             bool explain, Turn turn, Batcher& batcher, Workers& workers, AnsweredSink sink);

}  // namespace pc::serve
