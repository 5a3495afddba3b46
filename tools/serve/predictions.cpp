#include "tools/serve/predictions.h"

#include <algorithm>
#include <atomic>
#include <new>

#include "data/resize.h"

namespace pc {
namespace {

// The pictures of one request while they are under way.
struct Gathering {
  Gathering(std::size_t count, AnsweredSink then, Workers& on)
      : answers(count), left(count), sink(std::move(then)), workers(on) {}
  std::vector<Answered> answers;
  std::atomic<std::size_t> left;
  AnsweredSink sink;
  Workers& workers;
};

void one_less(const std::shared_ptr<Gathering>& gathering) {
  if (--gathering->left == 0) gathering->workers.post([gathering] { gathering->sink(gathering->answers); });
}

// A heat map covers what the network saw: all of the picture, but for a crop or added borders.
Image view_of(const Image& image, const Tensor& input, const Preprocess& preprocess) {
  constexpr int kSide = 320;
  if (preprocess.resize != Resize::stretch) return network_view(input, 0, preprocess);
  const int side = std::max(image.h, image.w);
  if (side <= kSide) return image;
  return resize(image, std::max(1, image.h * kSide / side), std::max(1, image.w * kSide / side));
}

// Empty where the picture cannot be had; the outcome says why then.
Tensor prepared(const ServedModel& model, const std::function<Image()>& picture, bool explain, Answered& answer) {
  Outcome& outcome = answer.inference.outcome;
  try {
    Image image = picture(), copy = explain ? image : Image{};
    Tensor input = model.predictor.prepare(std::move(image));
    if (explain) answer.view = view_of(copy, input, model.predictor.info().preprocess);
    return input;
  } catch (const Error& error) {
    outcome.error = error.what(), outcome.code = error.code();
  } catch (const std::bad_alloc&) {
    outcome.error = "out of memory for a picture", outcome.code = Exit::limit;
  }
  return {};
}

}  // namespace

void predict(std::shared_ptr<ServedModel> model, std::vector<std::function<Image()>> pictures,
             std::vector<Batcher::Place> places, bool explain, Batcher& batcher, Workers& workers, AnsweredSink sink) {
  const std::size_t count = pictures.size();
  const auto gathering = std::make_shared<Gathering>(count, std::move(sink), workers);
  for (std::size_t i = 0; i < count; ++i) {
    Tensor input = prepared(*model, pictures[i], explain, gathering->answers[i]);
    if (input.empty()) {
      const Batcher::Place given_back = std::move(places[i]);
      one_less(gathering);
      continue;
    }
    batcher.add({.model = model,
                 .input = std::move(input),
                 .explain = explain,
                 .place = std::move(places[i]),
                 .done = [gathering, i](Inference inference) {
                   gathering->answers[i].inference = std::move(inference);
                   one_less(gathering);
                 }});
  }
}

}  // namespace pc
