// Batch-norm statistics for a batch job: re-estimated on the very pictures to be scored, without their labels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/predict/predictor.h"

namespace pc::predict {

// How much the statistics of the training count against n pictures to be scored: as much as so many pictures, so the
// new ones weigh n / (kSourcePictures + n) (Schneider et al., "Improving robustness against common corruptions by
// covariate shift adaptation", NeurIPS 2020, with its n the number of all pictures).
constexpr int kSourcePictures = 16;

class NormAdapter {
 public:
  // Remembers the statistics of the training. The predictor is an adaptable one.
  explicit NormAdapter(Predictor& predictor);
  // Runs all pictures through the network once, in a fixed random order so that every batch is a mixture, and sets
  // their statistics mixed with the remembered ones. Returns what is wrong with those that cannot be read, which do not
  // count. Error(data) if fewer than two can.
  std::vector<std::string> adapt(std::size_t count, const std::function<data::Image(std::size_t)>& decode, int batch);

 private:
  using Buffers = std::vector<std::vector<float>>;  // in visit order: mean and variance of each batch norm
  Buffers read();
  void write(const Buffers& buffers);
  void see(const std::vector<Tensor>& inputs, Buffers& sums);

  Predictor& predictor_;
  Buffers trained_;
};

}  // namespace pc::predict
