// What pcconvert tells about weight files: the table of --inspect and the comparison of --verify.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "tools/weights/weights.h"

namespace pc::weights {

// Over the finite values; min > max where there are none.
struct TensorStatistics {
  double min = std::numeric_limits<double>::infinity(), max = -min, mean = 0;
  int64_t nonfinite = 0;
};
TensorStatistics statistics(const FileTensor& tensor);

// A table for people, or one JSON object: {"file", "format", "metadata": {…}, "tensors": [{"name", "dtype", "shape",
// "min", "mean", "max", "nonfinite"}, …], "total": {"tensors", "elements", "bytes", "nonfinite"}}. Each ends with a
// newline.
std::string describe(const std::string& path, const AnyWeights& weights);
std::string describe_json(const std::string& path, const AnyWeights& weights);

// One line for each tensor that is missing, has another type or shape, or differs in a bit (with the first element that
// does); metadata is not compared. Empty where all are equal.
std::vector<std::string> differences(const WeightFile& a, const WeightFile& b);

}  // namespace pc::weights
