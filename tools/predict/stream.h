// Pictures on their way through a network, any number of them: while one batch is predicted, the next one is decoded.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/predict/predictor.h"

namespace pc::predict {

// A picture that comes along: its name, and how any thread decodes it.
struct StreamPicture {
  std::string file;
  std::function<data::Image()> decode;
};
// Gives the next picture; false at the end. Called by one thread at a time.
using PictureStream = std::function<bool(StreamPicture&)>;

struct Prepared {
  std::string file;
  Tensor input;  // empty: the outcome says why
  Outcome outcome;
};

// Calls sink(pictures) for one batch after the other, on this thread, while the next batch is taken from the stream and
// decoded by all threads: memory is bounded by two batches of network inputs and one picture per thread. What
// `decode` throws becomes the outcome of that picture; an Error of the stream itself ends it all behind the batches before.
// When the sink throws, what was taken ahead is dropped. `batch` 0: as automatic_batch() says.
using BatchSink = std::function<void(std::vector<Prepared>&)>;
void prepare_stream(const Predictor& predictor, const PictureStream& next, int batch, const BatchSink& sink);
// The same with logits and embeddings in the outcomes.
void predict_stream(Predictor& predictor, const PictureStream& next, int batch, const BatchSink& sink);

// As many pictures as take a quarter of the memory that is free, at most 32 on the CPU, which gains nothing from more,
// and 256 on a GPU, whose memory is not looked at.
int automatic_batch(const Predictor& predictor);

// For pictures with numbers 0 … count-1: sink(begin, pictures), and sink(i, outcome) in this order.
void prepare_all(const Predictor& predictor, std::size_t count, const std::function<data::Image(std::size_t)>& decode,
                 int batch, const std::function<void(std::size_t begin, std::vector<Prepared>&)>& sink);
void predict_all(Predictor& predictor, std::size_t count, const std::function<data::Image(std::size_t)>& decode,
                 int batch, const std::function<void(std::size_t, const Outcome&)>& sink);

std::vector<Tensor> inputs_of(const std::vector<Prepared>& pictures);  // of those that have one

}  // namespace pc::predict
