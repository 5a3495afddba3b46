#include "tools/predict/adapt.h"

#include "data/sampler.h"
#include "kernels/base/error.h"
#include "models/layers.h"
#include "tools/predict/stream.h"

namespace pc::predict {
namespace {

template <class F>
void each_buffer(Classifier& model, const F& f) {
  std::size_t i = 0;
  model.visit("", [&](const std::string&, Var& value, Role role) {
    if (role == Role::buffer) f(i++, value);
  });
}

}  // namespace

NormAdapter::NormAdapter(Predictor& predictor) : predictor_(predictor), trained_(read()) {}

NormAdapter::Buffers NormAdapter::read() {
  Buffers all;
  each_buffer(predictor_.model(), [&](std::size_t, Var& value) { all.push_back(value.value().to_vector<float>()); });
  return all;
}

void NormAdapter::write(const Buffers& buffers) {
  each_buffer(predictor_.model(), [&](std::size_t i, Var& value) {
    value.set_value(Tensor::from(value.shape(), buffers[i], value.value().device()));
  });
}

// Adds a batch's mean and mean square of every channel. Running statistics that begin at 0 end at momentum times the
// batch's own.
void NormAdapter::see(const std::vector<Tensor>& inputs, Buffers& sums) {
  Buffers zero = trained_;
  for (auto& buffer : zero) std::fill(buffer.begin(), buffer.end(), 0.0f);
  write(zero);
  NoGrad no_grad;
  const Tensor x = stacked(inputs);
  Classifier& model = predictor_.model();
  model.forward(Var(x.to(predictor_.device())), Mode::train);
  const Buffers moved = read();
  const float momentum = kNormMomentum, n = float(inputs.size());
  for (std::size_t b = 0; b < moved.size(); b += 2)
    for (std::size_t c = 0; c < moved[b].size(); ++c) {
      const float mean = moved[b][c] / momentum, variance = moved[b + 1][c] / momentum;
      sums[b][c] += n * mean;
      sums[b + 1][c] += n * (variance + mean * mean);
    }
}

std::vector<std::string> NormAdapter::adapt(std::size_t count, const std::function<data::Image(std::size_t)>& decode,
                                            int batch) {
  const std::vector<uint32_t> order = data::epoch_order(uint32_t(count), 1, 0);
  Buffers mixed = trained_;
  for (auto& buffer : mixed) std::fill(buffer.begin(), buffer.end(), 0.0f);
  float n = 0;
  std::vector<std::string> bad;
  prepare_all(
      predictor_, count, [&](std::size_t i) { return decode(order[i]); }, batch,
      [&](std::size_t, std::vector<Prepared>& pictures) {
        for (const Prepared& picture : pictures)
          if (!picture.outcome.error.empty()) bad.push_back(picture.outcome.error);
        const std::vector<Tensor> inputs = inputs_of(pictures);
        if (inputs.size() < 2) return;  // no statistics of one picture
        see(inputs, mixed);
        n += float(inputs.size());
      });
  if (n == 0) fail(Exit::data, "--bn-adapt needs at least two images that can be read, and --batch-size 2 or more");
  const float old_share = kSourcePictures / (kSourcePictures + n), new_share = 1 - old_share;
  for (std::size_t b = 0; b < mixed.size(); b += 2)
    for (std::size_t c = 0; c < mixed[b].size(); ++c) {
      const float mean = mixed[b][c] / n, variance = std::max(0.0f, mixed[b + 1][c] / n - mean * mean);
      mixed[b][c] = old_share * trained_[b][c] + new_share * mean;
      mixed[b + 1][c] = old_share * trained_[b + 1][c] + new_share * variance;
    }
  write(mixed);
  return bad;
}

}  // namespace pc::predict
