#include "tools/serve/predictions.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "data/guard.h"
#include "data/resize.h"

namespace pc::serve {
namespace {

// The pictures of one request while they are under way.
struct Gathering {
  std::shared_ptr<ServedModel> model;
  std::vector<Picture> pictures;
  std::vector<Batcher::Place> places;
  bool explain;
  Turn turn;
  Batcher& batcher;
  Workers& workers;
  AnsweredSink sink;
  std::vector<Answered> answers = std::vector<Answered>(pictures.size());
  std::atomic<std::size_t> left = pictures.size();
};

void one_less(const std::shared_ptr<Gathering>& gathering) {
  if (--gathering->left == 0)
    gathering->workers.post(gathering->turn, [gathering] { gathering->sink(gathering->answers); });
}

// A heat map covers what the network saw: all of the picture, but for a crop or added borders.
data::Image view_of(const data::Image& image, const Tensor& input, const Preprocess& preprocess) {
  constexpr int kSide = 320;
  if (preprocess.resize != Resize::stretch) return predict::network_view(input, 0, preprocess);
  const int side = std::max(image.h, image.w);
  if (side <= kSide) return image;
  return data::resize(image, std::max(1, image.h * kSide / side), std::max(1, image.w * kSide / side));
}

// Empty where the picture cannot be had; the outcome says why then.
Tensor prepared(const Gathering& gathering, const Picture& picture, Answered& answer) {
  Tensor input;
  const auto problem = data::image_problem(picture.name, [&] {
    if (gathering.batcher.late(gathering.turn.arrived)) fail(Exit::stopped, kTooLate);
    data::Image image = picture.decode(), copy = gathering.explain ? image : data::Image{};
    const predict::Predictor& predictor = gathering.model->predictor;
    input = predictor.prepare(std::move(image));
    if (gathering.explain) answer.view = view_of(copy, input, predictor.info().preprocess);
  });
  if (!problem) return input;
  answer.inference.outcome = {.error = problem->message, .code = problem->code};
  return {};
}

void decode(const std::shared_ptr<Gathering>& gathering, std::size_t i) {
  const Picture picture = std::move(gathering->pictures[i]);
  Batcher::Place place = std::move(gathering->places[i]);
  Tensor input = prepared(*gathering, picture, gathering->answers[i]);
  if (input.empty()) {
    { const Batcher::Place given_back = std::move(place); }
    return one_less(gathering);
  }
  gathering->batcher.add({.model = gathering->model,
                          .input = std::move(input),
                          .explain = gathering->explain,
                          .turn = gathering->turn,
                          .place = std::move(place),
                          .done = [gathering, i](Inference inference) {
                            gathering->answers[i].inference = std::move(inference);
                            one_less(gathering);
                          }});
}

}  // namespace

void predict(std::shared_ptr<ServedModel> model, std::vector<Picture> pictures, std::vector<Batcher::Place> places,
             bool explain, Turn turn, Batcher& batcher, Workers& workers, AnsweredSink sink) {
  const std::size_t count = pictures.size();
  const std::shared_ptr<Gathering> gathering(new Gathering{.model = std::move(model),
                                                           .pictures = std::move(pictures),
                                                           .places = std::move(places),
                                                           .explain = explain,
                                                           .turn = turn,
                                                           .batcher = batcher,
                                                           .workers = workers,
                                                           .sink = std::move(sink)});
  for (std::size_t i = 0; i < count; ++i) workers.post(turn, [gathering, i] { decode(gathering, i); });
}

}  // namespace pc::serve
