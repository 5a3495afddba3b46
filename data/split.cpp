// Rare classes folded, and each class dealt to train, val and test.
#include "data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "data/describe.h"
#include "data/sampler.h"
#include "data/table_files.h"
#include "kernels/base/error.h"
#include "kernels/base/hash.h"
#include "kernels/base/text.h"

namespace pc::data {
namespace {

std::vector<std::string> fold_column(Catalog& catalog, std::size_t column, int64_t min_count, RareClasses what) {
  auto& classes = catalog.classes[column];
  const std::vector<int64_t> counts = class_counts(catalog, column);
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
  for (auto& item : catalog.items) {
    int32_t& label = item.labels[column];
    if (label >= 0) label = renumbered[std::size_t(label)];
  }
  classes = std::move(kept);
  return folded;
}

void check_settings(const Catalog& catalog, const SplitSettings& settings) {
  const auto fraction = [](double f) { return f >= 0 && f < 1; };
  if (!fraction(settings.val) || !fraction(settings.test) || settings.val + settings.test >= 1) {
    fail(Exit::usage, fmt::format("split: val = {} and test = {}; each must be in [0, 1), their sum below 1",
                                  settings.val, settings.test));
  }
  if (settings.column < -1 || settings.column >= std::max(1, int(catalog.columns.size()))) {
    fail(Exit::usage, fmt::format("split: no label column {}", settings.column));
  }
}

// What is dealt in one piece: at the number of a group's first item those of its items that are to be dealt.
ItemGroups units_of(const std::vector<Split>& split, const ItemGroups& groups) {
  std::vector<uint32_t> first(split.size());
  std::iota(first.begin(), first.end(), 0u);
  for (const auto& group : groups)
    for (const uint32_t item : group) first[item] = group.front();
  ItemGroups units(split.size());
  for (uint32_t i = 0; i < split.size(); ++i)
    if (split[i] == Split::train) units[first[i]].push_back(i);
  return units;
}

// The units of each class, and of images without a label, in an order drawn at random. The largest class comes last:
// it has enough single images to even out what the others could not be dealt.
ItemGroups strata_of(const Catalog& catalog, const ItemGroups& units, const SplitSettings& settings) {
  const bool stratified = settings.column >= 0 && !catalog.columns.empty();
  const auto column = std::size_t(settings.column);
  ItemGroups strata(stratified ? catalog.classes[column].size() + 1 : 1);
  for (uint32_t u = 0; u < units.size(); ++u) {
    if (units[u].empty()) continue;
    const int32_t label = stratified ? catalog.items[units[u].front()].labels[column] : -1;
    strata[label < 0 ? strata.size() - 1 : std::size_t(label)].push_back(u);
  }
  for (std::size_t s = 0; s < strata.size(); ++s) shuffle(strata[s], settings.seed, ShuffleStream::split, s);
  std::stable_sort(strata.begin(), strata.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return strata;
}

// Which units train whatever is asked for, so that every class of every column is seen in training.
std::vector<bool> units_to_keep(const Catalog& catalog, const ItemGroups& units, const ItemGroups& strata) {
  std::vector<std::vector<bool>> seen;
  for (const auto& classes : catalog.classes) seen.emplace_back(classes.size());
  std::vector<bool> keep(units.size());
  for (const auto& stratum : strata)
    for (auto unit = stratum.rbegin(); unit != stratum.rend(); ++unit)
      for (const uint32_t item : units[*unit])
        for (std::size_t c = 0; c < seen.size(); ++c) {
          const int32_t label = catalog.items[item].labels[c];
          if (label < 0 || seen[c][std::size_t(label)]) continue;
          seen[c][std::size_t(label)] = keep[*unit] = true;
        }
  return keep;
}

// Gives units of the stratum to `side`, in order, if one fits into what is still needed, and leaves in `carry`
// what could not be given. Units that are given are emptied.
void deal(const std::vector<uint32_t>& stratum, ItemGroups& units, const std::vector<bool>& keep, double want,
          Split side, std::vector<Split>& split, double& carry) {
  want += carry;
  const auto quota = std::size_t(std::max(0.0, std::floor(want + 0.5)));
  std::size_t given = 0;
  for (const uint32_t u : stratum) {
    if (keep[u] || units[u].empty() || units[u].size() > quota - given) continue;
    for (const uint32_t item : units[u]) split[item] = side;
    given += units[u].size();
    units[u].clear();
  }
  carry = want - double(given);
}

// The years as numbers, -1 for none.
std::vector<int> years_of(const Catalog& catalog) {
  if (catalog.years.empty())
    fail(Exit::usage, "a split by year needs the Kaggle layout with a column \"year\" in styles.csv");
  std::vector<int> years;
  for (std::size_t i = 0; i < catalog.years.size(); ++i) {
    std::string text = catalog.years[i];
    if (text.ends_with(".0")) text.resize(text.size() - 2);  // as pandas writes it where a year is missing
    int year = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), year);
    if (!text.empty() && (error != std::errc{} || end != text.data() + text.size() || year < 0))
      fail(Exit::data, fmt::format("{}: year \"{}\" is not a number", catalog.items[i].file, printable(text)));
    years.push_back(year);
  }
  return years;
}

}  // namespace

std::vector<int64_t> class_counts(const Catalog& catalog, std::size_t column) {
  std::vector<int64_t> counts(catalog.classes[column].size());
  for (const auto& item : catalog.items) {
    if (item.labels[column] >= 0) ++counts[std::size_t(item.labels[column])];
  }
  return counts;
}

std::vector<std::vector<std::string>> fold_rare_classes(Catalog& catalog, const std::vector<int64_t>& min_counts,
                                                        RareClasses what) {
  std::vector<std::vector<std::string>> folded;
  for (std::size_t c = 0; c < catalog.columns.size(); ++c) {
    folded.push_back(fold_column(catalog, c, min_counts[c], what));
  }
  return folded;
}

void check_classes(const Catalog& catalog) {
  for (std::size_t c = 0; c < catalog.columns.size(); ++c) {
    const auto& classes = catalog.classes[c];
    if (classes.size() >= 2) continue;
    const auto& unused = catalog.report.unused_tables;
    const std::string way_out = unused.empty() ? "two classes or more are required"
                                               : some_names(unused, 1) + " is not read; " + detail::kWaysToLabel;
    if (classes.empty()) fail(Exit::data, fmt::format("{}: no image has a label; {}", catalog.columns[c], way_out));
    fail(Exit::data, fmt::format("{}: only one class, \"{}\" ({} images), nothing to learn; {}", catalog.columns[c],
                                 classes[0], class_counts(catalog, c)[0], way_out));
  }
}

std::vector<Split> make_split(const Catalog& catalog, const ItemGroups& groups, const SplitSettings& settings) {
  check_settings(catalog, settings);
  const bool given = !catalog.given.empty();
  std::vector<Split> split = given ? catalog.given : std::vector<Split>(catalog.items.size(), Split::train);
  if (given && std::count(split.begin(), split.end(), Split::val) > 0) return split;

  ItemGroups units = units_of(split, groups);
  const ItemGroups strata = strata_of(catalog, units, settings);
  const std::vector<bool> keep = units_to_keep(catalog, units, strata);
  double carry_test = 0, carry_val = 0;
  for (const auto& stratum : strata) {
    double images = 0;
    for (const uint32_t u : stratum) images += double(units[u].size());
    if (!given) deal(stratum, units, keep, images * settings.test, Split::test, split, carry_test);
    deal(stratum, units, keep, images * settings.val, Split::val, split, carry_val);
  }
  return split;
}

std::vector<Split> newest_years(const Catalog& catalog, double fraction) {
  const std::vector<int> years = years_of(catalog);
  std::map<int, int64_t, std::greater<>> counts;
  for (const int year : years)
    if (year >= 0) ++counts[year];
  const double want = fraction * double(years.size());
  int64_t taken = 0;
  int oldest = std::numeric_limits<int>::max();
  for (auto year = counts.begin(); year != counts.end() && double(taken) < want; ++year) {
    oldest = year->first;
    taken += year->second;
  }
  if (fraction > 0 && (counts.empty() || oldest <= counts.rbegin()->first))
    fail(Exit::data, "a split by year: no earlier year is left to train on");
  std::vector<Split> split;
  for (const int year : years) split.push_back(year >= oldest ? Split::test : Split::train);
  return split;
}

uint64_t files_hash(const Catalog& catalog) {
  Hash64 hash;
  for (const auto& item : catalog.items) hash.text(item.file);
  return hash.value();
}

int64_t part_groups(std::vector<Split>& split, const ItemGroups& groups) {
  int64_t parted = 0;
  for (const auto& group : groups) {
    const auto has = [&](Split side) {
      return std::any_of(group.begin(), group.end(), [&](uint32_t i) { return split[i] == side; });
    };
    const Split stays = has(Split::test) ? Split::test : has(Split::val) ? Split::val : Split::train;
    for (const uint32_t item : group) {
      if (split[item] == stays || split[item] == Split::unused) continue;
      split[item] = Split::unused;
      ++parted;
    }
  }
  return parted;
}

int64_t count_leaks(const std::vector<Split>& split, const ItemGroups& groups) {
  int64_t leaks = 0;
  for (const auto& group : groups) {
    const auto count = [&](Split side) {
      return std::count_if(group.begin(), group.end(), [&](uint32_t i) { return split[i] == side; });
    };
    if (count(Split::train) + count(Split::val) > 0) leaks += count(Split::test);
  }
  return leaks;
}

}  // namespace pc::data
