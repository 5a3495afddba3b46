#include "tools/train/class_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"

namespace pc::train {
namespace {

float weight_of(const std::string& kind, double n) {
  constexpr double kBeta = 0.999;
  if (kind == "sqrt") return float(1 / std::sqrt(n));
  if (kind == "inverse") return float(1 / n);
  if (kind == "effective") return float((1 - kBeta) / (1 - std::pow(kBeta, n)));
  fail(Exit::usage, fmt::format("class weights \"{}\": requires none, sqrt, inverse or effective", kind));
}

}  // namespace

std::vector<float> class_weights(const std::string& kind, const std::vector<int64_t>& counts) {
  std::vector<float> weights;
  if (kind == "none") return weights;
  for (const int64_t n : counts) weights.push_back(weight_of(kind, double(std::max<int64_t>(1, n))));
  return weights;
}

}  // namespace pc::train
