#include "tools/predict/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "data/guard.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/base/system.h"

namespace pc::predict {
namespace {

// On another thread, or, if none is to be had, on the one that asks for the result. Kernels that it calls start no team
// of threads of their own.
template <class F>
std::future<std::invoke_result_t<F>> aside(F work) {
  return std::async(std::launch::async | std::launch::deferred, [work, caller = std::this_thread::get_id()] {
    if (std::this_thread::get_id() != caller) set_thread_count(1);
    return work();
  });
}

Prepared prepare_one(const Predictor& predictor, const StreamPicture& picture) {
  Prepared result{.file = picture.file, .input = {}, .outcome = {}};
  const auto problem = data::image_problem(picture.file, [&] { result.input = predictor.prepare(picture.decode()); });
  if (!problem) return result;
  result.input = {};
  result.outcome.error = problem->message;
  result.outcome.code = problem->code;
  return result;
}

// The next pictures of the stream, on as many threads as the kernels use.
std::vector<Prepared> prepare_batch(const Predictor& predictor, const PictureStream& next_picture, std::size_t batch,
                                    int threads) {
  std::vector<StreamPicture> pictures;
  for (StreamPicture one; pictures.size() < batch && next_picture(one);) pictures.push_back(std::move(one));
  std::vector<Prepared> all(pictures.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < all.size();) all[i] = prepare_one(predictor, pictures[i]);
  };
  std::vector<std::future<void>> helpers;
  for (int t = 1; t < threads && std::size_t(t) < all.size(); ++t) helpers.push_back(aside(work));
  work();
  for (auto& helper : helpers) helper.get();
  return all;
}

PictureStream numbered(std::size_t count, const std::function<data::Image(std::size_t)>& decode) {
  return [count, &decode, next = std::size_t{0}](StreamPicture& picture) mutable {
    if (next == count) return false;
    picture.file = fmt::format("image {}", next + 1);
    picture.decode = [&decode, i = next++] { return decode(i); };
    return true;
  };
}

}  // namespace

int automatic_batch(const Predictor& predictor) {
  const int most = predictor.device() == Device::cpu ? 32 : 256;
  // Four maps like the stem's are alive at once: a quarter of the pixels, 64 channels, 4 bytes.
  const Preprocess& p = predictor.info().preprocess;
  const double bytes = 4 * (double(p.height) * p.width / 4 * 64 * 4);
  const MemoryFacts memory = memory_facts();
  return memory.total > 0 ? int(std::clamp(double(memory.free()) / 4 / bytes, 1.0, double(most))) : most;
}

void prepare_stream(const Predictor& predictor, const PictureStream& next, int batch, const BatchSink& sink) {
  const auto step = std::size_t(batch > 0 ? batch : automatic_batch(predictor));
  const int threads = thread_count();
  const auto prepare = [&] { return prepare_batch(predictor, next, step, threads); };
  std::vector<Prepared> now = prepare();
  while (!now.empty()) {
    if (now.size() < step) return sink(now);  // the stream has ended
    std::future<std::vector<Prepared>> ahead = aside(prepare);
    sink(now);
    now = ahead.get();
  }
}

void predict_stream(Predictor& predictor, const PictureStream& next, int batch, const BatchSink& sink) {
  prepare_stream(predictor, next, batch, [&](std::vector<Prepared>& pictures) {
    std::vector<Outcome> outcomes = predictor.answer(inputs_of(pictures));
    std::size_t good = 0;
    for (Prepared& picture : pictures)
      if (!picture.input.empty()) {
        picture.outcome = std::move(outcomes[good++]);
        if (picture.outcome.code != Exit::ok) picture.outcome.error = picture.file + ": " + picture.outcome.error;
      }
    sink(pictures);
  });
}

void prepare_all(const Predictor& predictor, std::size_t count, const std::function<data::Image(std::size_t)>& decode,
                 int batch, const std::function<void(std::size_t, std::vector<Prepared>&)>& sink) {
  std::size_t begin = 0;
  prepare_stream(predictor, numbered(count, decode), batch, [&](std::vector<Prepared>& pictures) {
    sink(begin, pictures);
    begin += pictures.size();
  });
}

void predict_all(Predictor& predictor, std::size_t count, const std::function<data::Image(std::size_t)>& decode,
                 int batch, const std::function<void(std::size_t, const Outcome&)>& sink) {
  std::size_t i = 0;
  predict_stream(predictor, numbered(count, decode), batch, [&](std::vector<Prepared>& pictures) {
    for (const Prepared& picture : pictures) sink(i++, picture.outcome);
  });
}

std::vector<Tensor> inputs_of(const std::vector<Prepared>& pictures) {
  std::vector<Tensor> inputs;
  for (const Prepared& p : pictures)
    if (!p.input.empty()) inputs.push_back(p.input);
  return inputs;
}

}  // namespace pc::predict
