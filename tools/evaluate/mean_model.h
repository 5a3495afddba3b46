// The mean of several models' weights: the start and the end of a fine-tuning, or several fine-tunings of one start.
#pragma once

#include <string>
#include <vector>

#include "models/model_file.h"

namespace pc {

// Model files of one architecture, with the same labels and preprocessing, averaged: `weights` says what each counts (0
// or more, not all of them 0). Without a calibration and a self-test, which are those of other members; the test
// pictures stay known where all held back the same ones. Errors: as load_model; Error(data) naming the first file that
// has no mean with the first.
LoadedModel mean_model(const std::vector<std::string>& paths, const std::vector<double>& weights);
LoadedModel mean_model(const std::vector<std::string>& paths);  // of equal weights

}  // namespace pc
