// What a picture of a rare class counts in the loss, beside one of a frequent class.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pc::train {

// One weight per class, of its n training pictures (at least 1 is assumed): "sqrt" n^-1/2, "inverse" 1 / n, "effective"
// (1 - b) / (1 - b^n) with b = 0.999 (Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", CVPR
// 2019). Only their ratios matter: the loss of a batch is divided by the sum of its weights. "none": no weights.
// Error(usage) for another word.
std::vector<float> class_weights(const std::string& kind, const std::vector<int64_t>& counts);

}  // namespace pc::train
