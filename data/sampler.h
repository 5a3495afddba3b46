// The order in which an epoch visits its samples.
#pragma once

#include <cstdint>
#include <vector>

namespace pc {

// What a seed is used for; each use draws from its own stream.
enum class ShuffleStream : uint16_t { epoch = 1, split = 2 };

// Fisher-Yates on Philox words keyed by (seed, stream, number): the same on every machine and compiler.
void shuffle(std::vector<uint32_t>& values, uint64_t seed, ShuffleStream stream, uint64_t number);

// A permutation of 0 … n-1, another one for each epoch.
std::vector<uint32_t> epoch_order(uint32_t n, uint64_t seed, uint64_t epoch);

}  // namespace pc
