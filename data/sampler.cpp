// Fisher-Yates on counter-based random words.
#include "data/sampler.h"

#include <numeric>
#include <utility>

#include "kernels/runtime/random.h"

namespace pc {

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

}  // namespace pc
