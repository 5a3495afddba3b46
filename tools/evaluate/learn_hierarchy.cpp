#include "tools/evaluate/learn_hierarchy.h"

#include <algorithm>
#include <numeric>

namespace pc {
namespace {

constexpr double kPure = 0.98, kTold = 0.9, kPossible = 0.02;

// Pictures per pair of labels: [finer][coarser].
using Counts = std::vector<std::vector<int64_t>>;

int64_t sum(const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); }
int64_t largest(const std::vector<int64_t>& counts) { return *std::max_element(counts.begin(), counts.end()); }

Counts count_pairs(const Catalog& catalog, std::span<const uint32_t> items, std::size_t fine, std::size_t coarse) {
  Counts counts(catalog.classes[fine].size(), std::vector<int64_t>(catalog.classes[coarse].size()));
  for (const uint32_t item : items) {
    const std::vector<int32_t>& labels = catalog.items[item].labels;
    if (labels[fine] >= 0 && labels[coarse] >= 0) ++counts[std::size_t(labels[fine])][std::size_t(labels[coarse])];
  }
  return counts;
}

bool determines(const Counts& counts, const std::vector<std::string>& fine_labels) {
  int64_t n = 0, pure = 0;
  std::vector<int64_t> per_coarse(counts.front().size());
  for (std::size_t f = 0; f < counts.size(); ++f) {
    if (fine_labels[f] == "Other") continue;
    n += sum(counts[f]);
    pure += largest(counts[f]);
    for (std::size_t c = 0; c < per_coarse.size(); ++c) per_coarse[c] += counts[f][c];
  }
  const int64_t outside_largest = n - largest(per_coarse);  // pictures that always naming the largest class gets wrong
  return double(pure) >= kPure * double(n) && double(n - pure) <= (1 - kTold) * double(outside_largest) &&
         outside_largest > 0;
}

std::vector<std::vector<int32_t>> possible(const Counts& counts) {
  std::vector<int64_t> per_coarse(counts.front().size());
  for (const auto& row : counts)
    for (std::size_t c = 0; c < row.size(); ++c) per_coarse[c] += row[c];
  std::vector<std::vector<int32_t>> coarse_of(counts.size());
  for (std::size_t f = 0; f < counts.size(); ++f)
    for (std::size_t c = 0; c < per_coarse.size(); ++c) {
      const auto n = double(counts[f][c]);
      if (n > 0 && (n >= kPossible * double(sum(counts[f])) || n >= kPossible * double(per_coarse[c])))
        coarse_of[f].push_back(int32_t(c));
    }
  return coarse_of;
}

// Whether the first column can be finer than the second; no two columns can be finer than each other.
bool may_be_finer(const Catalog& catalog, std::size_t a, std::size_t b) {
  const std::size_t of_a = catalog.classes[a].size(), of_b = catalog.classes[b].size();
  return of_a != of_b ? of_a > of_b : a > b;
}

}  // namespace

Hierarchy learn_hierarchy(const Catalog& catalog, std::span<const uint32_t> items) {
  std::vector<std::size_t> columns(catalog.columns.size());
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  std::sort(columns.begin(), columns.end(), [&](std::size_t a, std::size_t b) { return may_be_finer(catalog, a, b); });
  Hierarchy hierarchy;
  for (auto fine = columns.begin(); fine != columns.end(); ++fine)
    for (auto coarse = fine + 1; coarse != columns.end(); ++coarse) {
      const Counts counts = count_pairs(catalog, items, *fine, *coarse);
      if (!determines(counts, catalog.classes[*fine])) continue;
      hierarchy.push_back({.fine = *fine, .coarse = *coarse, .coarse_of = possible(counts)});
      break;
    }
  return hierarchy;
}

}  // namespace pc
