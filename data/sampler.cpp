// Fisher-Yates on counter-based random words.
#include "data/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/random.h"

namespace pc::data {

void shuffle(std::vector<uint32_t>& values, uint64_t seed, ShuffleStream stream, uint64_t number) {
  const uint64_t high = uint64_t(stream) << 48 ^ number;
  Philox words{};
  for (std::size_t i = values.size(); i > 1; --i) {
    const std::size_t draw = values.size() - i;
    if (draw % 4 == 0) words = philox(seed, high, draw / 4);
    // Multiply-shift instead of a remainder: biased by less than i / 2^32.
    const auto j = std::size_t(uint64_t(words.word[draw % 4]) * i >> 32);
    std::swap(values[i - 1], values[j]);
  }
}

std::vector<uint32_t> epoch_order(uint32_t n, uint64_t seed, uint64_t epoch) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  shuffle(order, seed, ShuffleStream::epoch, epoch);
  return order;
}

Sampling sampling_from_name(const std::string& name) {
  if (name == "none") return Sampling::none;
  if (name == "sqrt") return Sampling::sqrt;
  if (name == "balanced") return Sampling::balanced;
  fail(Exit::usage, fmt::format("sampling \"{}\": requires none, sqrt or balanced", name));
}

std::vector<uint32_t> epoch_order(std::span<const int32_t> labels, Sampling sampling, uint64_t seed, uint64_t epoch) {
  if (sampling == Sampling::none) return epoch_order(uint32_t(labels.size()), seed, epoch);
  std::vector<uint32_t> order;
  std::vector<std::vector<uint32_t>> classes;
  for (uint32_t i = 0; i < labels.size(); ++i) {
    const auto label = std::size_t(std::max(labels[i], 0));
    if (label >= classes.size()) classes.resize(label + 1);
    (labels[i] < 0 ? order : classes[label]).push_back(i);
  }
  const auto weight = [&](const auto& members) {
    return members.empty() ? 0.0 : sampling == Sampling::sqrt ? std::sqrt(double(members.size())) : 1.0;
  };
  double total = 0, sum = 0;
  for (const auto& members : classes) total += weight(members);
  const double visits = double(labels.size() - order.size());
  long long begin = 0;  // of this class's visits among all; ends are rounded, so they add up
  for (std::size_t c = 0; c < classes.size(); ++c) {
    auto& members = classes[c];
    if (members.empty()) continue;
    sum += weight(members);
    const long long end = std::llround(visits * (sum / total));
    shuffle(members, seed, ShuffleStream::sampling, epoch * classes.size() + c);
    for (long long i = begin; i < end; ++i) order.push_back(members[std::size_t(i - begin) % members.size()]);
    begin = end;
  }
  shuffle(order, seed, ShuffleStream::epoch, epoch);
  return order;
}

}  // namespace pc::data
