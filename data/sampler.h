// The order in which an epoch visits its samples.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pc {

// What a seed is used for; each use draws from its own stream.
enum class ShuffleStream : uint16_t { epoch = 1, split = 2, sampling = 3 };

// Fisher-Yates on Philox words keyed by (seed, stream, number): the same on every machine and compiler.
void shuffle(std::vector<uint32_t>& values, uint64_t seed, ShuffleStream stream, uint64_t number);

// A permutation of 0 … n-1, another one for each epoch.
std::vector<uint32_t> epoch_order(uint32_t n, uint64_t seed, uint64_t epoch);

// How often an epoch visits the samples of a class.
enum class Sampling : uint8_t { none, sqrt, balanced };
Sampling sampling_from_name(const std::string& name);  // "none", "sqrt", "balanced"; Error(usage) for another

// As many visits as there are samples, whose labels are given, -1 for none. Of the n visits to labeled samples a class
// of n_c of them gets n * n_c^p / sum over the classes k of n_k^p, right to one visit: p = 1 (none: every sample once),
// 1/2 (sqrt) or 0 (balanced). The samples of a class are all visited equally often, to one visit; which of them
// gets that one is drawn again each epoch. Samples without a label are visited once. The same on every machine.
std::vector<uint32_t> epoch_order(std::span<const int32_t> labels, Sampling sampling, uint64_t seed, uint64_t epoch);

}  // namespace pc
