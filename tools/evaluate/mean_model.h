// The mean of several models' weights: the start and the end of a fine-tuning, or several fine-tunings of one start.
#pragma once

#include <string>
#include <vector>

#include "models/model_file.h"

namespace pc {

// Model files of one architecture, with the same labels and preprocessing, averaged by their shares (0 or more, not all
// of them 0). Without a calibration and a self-test, for they are of other weights; the test pictures stay known where
// all held back the same ones. Errors: as load_model; Error(data) naming the first file that has no mean with the
// first.
LoadedModel mean_model(const std::vector<std::string>& paths, const std::vector<double>& shares);
LoadedModel mean_model(const std::vector<std::string>& paths);  // of equal shares

}  // namespace pc
