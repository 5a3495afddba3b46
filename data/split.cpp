// Rare classes folded, and each class dealt to train, val and test.
#include "data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/sampler.h"
#include "kernels/runtime/error.h"

namespace pc {
namespace {

std::vector<int64_t> class_counts(const Catalogue& catalogue, std::size_t column) {
  std::vector<int64_t> counts(catalogue.classes[column].size());
  for (const auto& item : catalogue.items) {
    if (item.labels[column] >= 0) ++counts[std::size_t(item.labels[column])];
  }
  return counts;
}

std::vector<std::string> fold_column(Catalogue& catalogue, std::size_t column, int64_t min_count, RareClasses what) {
  auto& classes = catalogue.classes[column];
  const std::vector<int64_t> counts = class_counts(catalogue, column);
  std::vector<std::string> folded, kept;
  for (std::size_t i = 0; i < classes.size(); ++i) (counts[i] < min_count ? folded : kept).push_back(classes[i]);
  if (folded.empty()) return folded;

  const std::string other = "Other";
  if (what == RareClasses::other) kept.push_back(other);
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  std::vector<int32_t> renumbered(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const bool rare = counts[i] < min_count;
    const std::string& name = rare ? other : classes[i];
    const auto at = std::lower_bound(kept.begin(), kept.end(), name) - kept.begin();
    renumbered[i] = rare && what == RareClasses::drop ? -1 : int32_t(at);
  }
  for (auto& item : catalogue.items) {
    int32_t& label = item.labels[column];
    if (label >= 0) label = renumbered[std::size_t(label)];
  }
  classes = std::move(kept);
  return folded;
}

// Deals `members`, shuffled already, to `split` until the carried share of `fraction` is used up; at least `keep` stay.
std::size_t share(std::size_t members, double fraction, std::size_t keep, double& carry) {
  const double want = double(members) * fraction + carry;
  const std::size_t most = members > keep ? members - keep : 0;
  const std::size_t take = std::min(most, std::size_t(std::max(0.0, std::floor(want + 0.5))));
  carry = want - double(take);
  return take;
}

}  // namespace

std::vector<std::vector<std::string>> fold_rare_classes(Catalogue& catalogue, int64_t min_count, RareClasses what) {
  std::vector<std::vector<std::string>> folded;
  for (std::size_t c = 0; c < catalogue.columns.size(); ++c) {
    folded.push_back(fold_column(catalogue, c, min_count, what));
  }
  return folded;
}

void check_classes(const Catalogue& catalogue) {
  for (std::size_t c = 0; c < catalogue.columns.size(); ++c) {
    const auto& classes = catalogue.classes[c];
    if (classes.size() >= 2) continue;
    if (classes.empty()) fail(Exit::data, fmt::format("{}: no picture has a label", catalogue.columns[c]));
    fail(Exit::data, fmt::format("{}: only one class, \"{}\" ({} pictures); nothing to learn", catalogue.columns[c],
                                 classes[0], class_counts(catalogue, c)[0]));
  }
}

std::vector<Split> make_split(const Catalogue& catalogue, const SplitSettings& settings) {
  const auto fraction = [](double f) { return f >= 0 && f < 1; };
  if (!fraction(settings.val) || !fraction(settings.test) || settings.val + settings.test >= 1) {
    fail(Exit::usage, fmt::format("split: val = {} and test = {}; each must be in [0, 1), their sum below 1",
                                  settings.val, settings.test));
  }
  const bool stratified = !catalogue.columns.empty();
  if (settings.column < 0 || (stratified && std::size_t(settings.column) >= catalogue.columns.size())) {
    fail(Exit::usage, fmt::format("split: no label column {}", settings.column));
  }
  const bool given = !catalogue.given.empty();
  std::vector<Split> split = given ? catalogue.given : std::vector<Split>(catalogue.items.size(), Split::train);
  if (given && std::count(split.begin(), split.end(), Split::val) > 0) return split;

  // One stratum per class, the last one for pictures without a label.
  const std::size_t column = std::size_t(settings.column);
  const std::size_t classes = stratified ? catalogue.classes[column].size() : 0;
  std::vector<std::vector<uint32_t>> strata(classes + 1);
  for (std::size_t i = 0; i < split.size(); ++i) {
    if (split[i] != Split::train) continue;
    const int32_t label = stratified ? catalogue.items[i].labels[column] : -1;
    strata[label < 0 ? classes : std::size_t(label)].push_back(uint32_t(i));
  }
  const double test_fraction = given ? 0 : settings.test;
  double carry_test = 0, carry_val = 0;
  for (std::size_t s = 0; s < strata.size(); ++s) {
    auto& members = strata[s];
    shuffle(members, settings.seed, ShuffleStream::split, s);
    const std::size_t test = share(members.size(), test_fraction, 1, carry_test);
    const std::size_t val = share(members.size(), settings.val, 1 + test, carry_val);
    for (std::size_t i = 0; i < test; ++i) split[members[i]] = Split::test;
    for (std::size_t i = test; i < test + val; ++i) split[members[i]] = Split::val;
  }
  return split;
}

}  // namespace pc
