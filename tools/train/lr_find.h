// The learning-rate finder: a few steps at a rising rate tell which rates train and which break a model.
//
// Smith, "Cyclical learning rates for training neural networks", WACV 2017.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pc::train {

struct LrProbe {
  double lr, loss;
  double smooth;  // running average of the losses so far, freed from its zero start
};

// One training step at this rate: the loss before it. Not finite, or an Error(numeric), where training breaks down.
using LrStep = std::function<double(double lr)>;

// Up to `steps` steps at rates from 1e-6 to 10, each the same multiple of the one before. Ends early where the loss
// breaks down or, smoothed, exceeds four times its least so far.
std::vector<LrProbe> probe_rates(int64_t steps, const LrStep& step);

// What the probes suggest; nothing where the loss never fell.
struct LrSuggestion {
  double steepest;  // the rate at which the smoothed loss falls fastest per factor of the rate
  double tenth;     // a tenth of the rate of its least
};
std::optional<LrSuggestion> suggest_rate(const std::vector<LrProbe>& probes);

// Writes FOLDER/lr_find.csv and FOLDER/lr_find.svg, prints the line to put into the configuration on stdout and why on
// stderr; `lr` is what the configuration has now. Errors: Error(file); Error(numeric) where the loss never fell.
void report_rates(const std::filesystem::path& folder, double lr, const std::vector<LrProbe>& probes);

}  // namespace pc::train
