// Greedy weight averaging (Wortsman et al., "Model soups", ICML 2022, recipe 1): which of several models are worth
// averaging.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tools/predict/predictor.h"

namespace pc {

// The mean of some of the models, ready to be scored.
using MakeMean = std::function<Predictor(const std::vector<std::string>& models)>;

struct Candidate {
  std::string model;
  double alone = 0;  // accuracy, the mean over the heads
  double mean = 0;   // of the mean of all taken before and this one
  bool taken = false;
};

struct GreedyAverage {
  int64_t n = 0;                      // validation pictures
  std::vector<Candidate> candidates;  // the best alone first, those of equal accuracy in the order given
  std::vector<std::string> taken() const;
};

// Takes one model after the other, the best alone first, into the mean where that does not get worse, by the accuracy
// on the pictures of `data` that validated every one of them, as RUN/split.csv beside RUN/model.safetensors says. What
// a model was started from is not known: that may have trained on them. Errors: as MakeMean and plan_score; Error(data)
// where a split.csv is absent or of another run, where no picture validated all models, and for one that cannot be
// read.
GreedyAverage greedy_average(const std::vector<std::string>& models, const std::filesystem::path& data,
                             const MakeMean& make_mean);

// A line per model: accuracies, and what became of it.
std::string to_table(const GreedyAverage& average);

}  // namespace pc
