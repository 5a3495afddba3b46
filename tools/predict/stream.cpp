// Decoding beside the network: while one batch is predicted, the next one is decoded.
#include <atomic>
#include <future>
#include <new>

#include "kernels/runtime/error.h"
#include "kernels/runtime/parallel.h"
#include "tools/predict/predictor.h"

namespace pc {
namespace {

using Decode = std::function<Image(std::size_t)>;

Prepared prepare_one(const Predictor& predictor, const Decode& decode, std::size_t item) {
  Prepared result;
  try {
    result.input = predictor.prepare(decode(item));
  } catch (const Error& error) {
    result.outcome.error = error.what();
    result.outcome.code = error.code();
  } catch (const std::bad_alloc&) {
    result.outcome.error = "out of memory for a picture; use fewer --threads";
    result.outcome.code = Exit::limit;
  }
  return result;
}

// Items begin … end-1 on as many threads as the kernels use.
std::vector<Prepared> prepare(const Predictor& predictor, const Decode& decode, std::size_t begin, std::size_t end,
                              int threads) {
  std::vector<Prepared> all(end - begin);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < all.size();) all[i] = prepare_one(predictor, decode, begin + i);
  };
  std::vector<std::future<void>> helpers;
  for (int t = 1; t < threads && std::size_t(t) < all.size(); ++t)
    helpers.push_back(std::async(std::launch::async, [&] {
      set_thread_count(1);  // of this thread: a kernel called here must not start a team of its own
      work();
    }));
  work();
  for (auto& helper : helpers) helper.get();
  return all;
}

}  // namespace

void prepare_all(const Predictor& predictor, std::size_t count, const Decode& decode, int batch,
                 const std::function<void(std::size_t, std::vector<Prepared>&)>& sink) {
  const auto step = std::size_t(batch);
  const int threads = thread_count();
  const auto from = [&](std::size_t begin) {
    return prepare(predictor, decode, begin, std::min(count, begin + step), threads);
  };
  std::vector<Prepared> now = count ? from(0) : std::vector<Prepared>{};
  for (std::size_t begin = 0; begin < count; begin += step) {
    std::future<std::vector<Prepared>> ahead;
    if (begin + step < count)
      ahead = std::async(std::launch::async, [&from, next = begin + step] {
        set_thread_count(1);
        return from(next);
      });
    sink(begin, now);
    if (ahead.valid()) now = ahead.get();
  }
}

std::vector<Tensor> inputs_of(const std::vector<Prepared>& pictures) {
  std::vector<Tensor> inputs;
  for (const Prepared& p : pictures)
    if (!p.input.empty()) inputs.push_back(p.input);
  return inputs;
}

void predict_all(Predictor& predictor, std::size_t count, const Decode& decode, int batch,
                 const std::function<void(std::size_t, const Outcome&)>& sink) {
  prepare_all(predictor, count, decode, batch, [&](std::size_t begin, std::vector<Prepared>& pictures) {
    std::vector<Logits> logits = predictor.predict(inputs_of(pictures));
    std::size_t good = 0;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      if (!pictures[i].input.empty()) pictures[i].outcome.logits = std::move(logits[good++]);
      sink(begin + i, pictures[i].outcome);
    }
  });
}

}  // namespace pc
