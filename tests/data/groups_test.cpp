// Groups of pictures, and splits that deal them whole.
#include "data/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "data/near_duplicates.h"
#include "data/split.h"
#include "kernels/base/random.h"
#include "make.h"
#include "small_set.h"
#include "tests/support.h"

namespace pc {
namespace {

using test::Strings;

TEST(Groups, JoiningIsTransitive) {
  Grouping groups(8);
  groups.join(6, 2);
  groups.join({{1, 5}, {2, 3}});
  groups.join(5, 7);
  EXPECT_EQ(groups.large(), (ItemGroups{{1, 5, 7}, {2, 3, 6}}));
  groups.join(3, 7);
  EXPECT_EQ(groups.large(), (ItemGroups{{1, 2, 3, 5, 6, 7}}));
}

TEST(Groups, EqualKeysJoinEmptyOnesDoNot) {
  Grouping groups(6);
  groups.join_equal({"a", "", "b", "a", "", "a"});
  EXPECT_EQ(groups.large(), (ItemGroups{{0, 3, 5}}));
}

TEST(Groups, NamesAreComparedWithoutCaseAndSpaces) {
  EXPECT_EQ(name_keys({"Nike Men  Blue T-shirt ", "nike men\tblue t-shirt", "", "Só Black"}),
            (Strings{"nike men blue t-shirt", "nike men blue t-shirt", "", "só black"}));
}

TEST(Groups, TheBrandIsTheFirstWord) {
  EXPECT_EQ(brand_keys({"Levi's Men Jeans", "LEVIS Women Top", "U.S. Polo Assn. Men Shirt", " Q&Q Men Watch", ""}),
            (Strings{"levis", "levis", "us", "qq", ""}));
}

// Two label columns with classes of very different sizes, groups of up to `largest` neighbors that mix classes; about
// half of the pictures stand alone.
struct RandomSet {
  Catalog catalog;
  ItemGroups groups;
  RandomSet(uint64_t seed, uint32_t items, uint32_t largest) {
    catalog.columns = {"coarse", "fine"};
    catalog.classes = {{"a", "b", "c"}, {}};
    for (int k = 0; k < 20; ++k) catalog.classes[1].push_back(fmt::format("f{:02}", k));
    for (uint32_t i = 0; i < items; ++i) {
      const Philox draw = philox(seed, 0, i);
      const int32_t coarse = draw.word[0] % 10 == 0 ? 1 : draw.word[0] % 97 == 1 ? 2 : 0;
      const auto fine = int32_t(draw.word[1] % 20 * (draw.word[2] % 20) / 20);  // the last classes are rare
      catalog.items.push_back({.file = fmt::format("{}", i), .labels = {coarse, draw.word[3] % 50 == 0 ? -1 : fine}});
    }
    Grouping grouping(items);
    for (uint32_t first = 0; first + largest <= items; first += 2 * largest)
      for (uint32_t k = philox(seed, 1, first).word[0] % largest; k > 0; --k) grouping.join(first, first + k);
    groups = grouping.large();
  }
};

int64_t count(const std::vector<Split>& split, Split side) { return std::count(split.begin(), split.end(), side); }

std::size_t largest_of(const ItemGroups& groups) {
  std::size_t largest = 1;
  for (const auto& group : groups) largest = std::max(largest, group.size());
  return largest;
}

bool divided(const std::vector<Split>& split, const ItemGroups& groups) {
  return std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
    return std::any_of(group.begin(), group.end(), [&](uint32_t i) { return split[i] != split[group.front()]; });
  });
}

std::size_t classes_that_train(const Catalog& catalog, const std::vector<Split>& split, std::size_t column) {
  std::set<int32_t> seen;
  for (std::size_t i = 0; i < split.size(); ++i)
    if (split[i] == Split::train && catalog.items[i].labels[column] >= 0) seen.insert(catalog.items[i].labels[column]);
  return seen.size();
}

std::size_t classes_there(const Catalog& catalog, std::size_t column) {
  return classes_that_train(catalog, std::vector<Split>(catalog.items.size(), Split::train), column);
}

TEST(GroupedSplit, NeverDividesAGroupOnRandomCatalogs) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const RandomSet set(seed, 300 + uint32_t(seed) * 37, 1 + seed % 25);
    const SplitSettings settings{.val = 0.1 + double(seed % 3) / 10, .test = 0.15, .seed = seed};
    const auto split = make_split(set.catalog, set.groups, settings);
    EXPECT_FALSE(divided(split, set.groups)) << seed;
    EXPECT_EQ(count_leaks(split, set.groups), 0) << seed;
    const double n = double(split.size()), tolerance = double(largest_of(set.groups)) + 1;
    EXPECT_NEAR(double(count(split, Split::test)), n * settings.test, tolerance) << seed;
    EXPECT_NEAR(double(count(split, Split::val)), n * settings.val, tolerance) << seed;
    for (const std::size_t column : {0u, 1u})
      EXPECT_EQ(classes_that_train(set.catalog, split, column), classes_there(set.catalog, column)) << seed;
  }
}

TEST(GroupedSplit, TotalsAreRightToOnePictureWhereSomeStandAlone) {
  const RandomSet set(5, 5000, 30);
  ASSERT_GT(largest_of(set.groups), 20u);
  const auto split = make_split(set.catalog, set.groups, {.val = 0.1, .test = 0.2});
  EXPECT_NEAR(double(count(split, Split::test)), 1000, 1);
  EXPECT_NEAR(double(count(split, Split::val)), 500, 1);
}

TEST(GroupedSplit, AClassThatIsOneGroupTrains) {
  Catalog catalog;
  catalog.columns = {"c"};
  catalog.classes = {{"a", "b"}};
  for (int i = 0; i < 40; ++i) catalog.items.push_back({.file = "", .labels = {i < 36 ? 0 : 1}});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto split = make_split(catalog, {{36, 37, 38, 39}}, {.val = 0.3, .test = 0.3, .seed = seed});
    for (std::size_t i = 36; i < 40; ++i) EXPECT_EQ(split[i], Split::train);
    EXPECT_EQ(count(split, Split::test), 12);
  }
}

TEST(GroupedSplit, AGivenTestSetStaysAndValIsDealtInGroups) {
  RandomSet set(3, 2000, 8);
  for (std::size_t i = 0; i < 2000; ++i) set.catalog.given.push_back(i % 5 ? Split::train : Split::test);
  const auto split = make_split(set.catalog, set.groups, {.val = 0.2});
  for (std::size_t i = 0; i < 2000; ++i) EXPECT_EQ(split[i] == Split::test, i % 5 == 0);
  EXPECT_NEAR(double(count(split, Split::val)), 320, 1);
  for (const auto& group : set.groups) {
    std::set<Split> sides;
    for (const uint32_t i : group)
      if (split[i] != Split::test) sides.insert(split[i]);
    EXPECT_LE(sides.size(), 1u);
  }
  EXPECT_GT(count_leaks(split, set.groups), 0);  // a given split is kept although it leaks; this counts it
}

TEST(GroupedSplit, BrandsAreDealtWholeWithoutAStratum) {
  const RandomSet set(9, 3000, 1);
  Strings brands;
  for (uint32_t i = 0; i < 3000; ++i) brands.push_back(fmt::format("b{}", philox(9, 2, i).word[0] % 300));
  Grouping grouping(3000);
  grouping.join_equal(brands);
  const auto split = make_split(set.catalog, grouping.large(), {.val = 0.1, .test = 0.1, .column = -1});
  std::map<std::string, std::set<Split>> sides;
  for (std::size_t i = 0; i < split.size(); ++i) sides[brands[i]].insert(split[i]);
  for (const auto& [brand, on] : sides) EXPECT_EQ(on.size(), 1u) << brand;
  EXPECT_NEAR(double(count(split, Split::test)), 300, 10);
}

TEST(YearSplit, TakesWholeYearsTheNewestFirst) {
  RandomSet set(1, 10, 1);
  set.catalog.years = {"2011", "2012", "2013", "2012", "", "2011", "2011", "2013", "2010", "2012"};
  const auto test_items = [&](double fraction) {
    std::vector<std::size_t> items;
    const auto split = newest_years(set.catalog, fraction);
    for (std::size_t i = 0; i < split.size(); ++i)
      if (split[i] == Split::test) items.push_back(i);
    return items;
  };
  EXPECT_EQ(test_items(0.1), (std::vector<std::size_t>{2, 7}));
  EXPECT_EQ(test_items(0.2), (std::vector<std::size_t>{2, 7}));
  EXPECT_EQ(test_items(0.21), (std::vector<std::size_t>{1, 2, 3, 7, 9}));
  EXPECT_EQ(test_items(0), (std::vector<std::size_t>{}));
  EXPECT_EQ(test::error_of([&] { test_items(0.89); }), "3: a split by year: no earlier year is left to train on");
  set.catalog.years[3] = "20x2";
  EXPECT_EQ(test::error_of([&] { test_items(0.1); }), "3: 3: year \"20x2\" is not a number");
  set.catalog.years.clear();
  EXPECT_TRUE(test::error_of([&] { test_items(0.1); }).starts_with("2: a split by year needs"));
}

TEST(PartedGroups, KeepTheirTestPicturesThenTheirValPictures) {
  using enum Split;
  std::vector<Split> split{train, test, train, val, val, train, train, test, unused};
  EXPECT_EQ(count_leaks(split, {{0, 1, 3}, {2, 4}, {5, 6}, {7, 8}}), 1);
  EXPECT_EQ(part_groups(split, {{0, 1, 3}, {2, 4}, {5, 6}, {7, 8}}), 3);
  EXPECT_EQ(split, (std::vector<Split>{unused, test, unused, unused, val, train, train, test, unused}));
}

TEST(KaggleNames, AreThereWhereTheColumnsAre) {
  test::TemporaryFolder folder;
  test::write_tree(folder / "set", test::kaggle_files());
  const Catalog c = open_dataset(folder / "set", {}).catalog;
  EXPECT_EQ(c.names, (Strings{"Blue, checked shirt", "Red heels", "Jeans", "Shirt"}));
  EXPECT_EQ(c.years, Strings{});
}

// The split that the fashion recipe trains on: not one pair of near duplicates or equal names across its sides, where a
// random one has many.
TEST(GroupedSplit, DoesNotLeakOnTheRealSet) {
  PC_NEEDS_SHARED("datasets/fashion-product-images-small.zip");
  test::TemporaryFolder cache;
  const DataSet data = open_dataset(test::shared_file("datasets/fashion-product-images-small.zip"),
                                    {"masterCategory", "subCategory", "articleType"});
  const auto near = near_duplicate_groups(signatures_of(*open_store(data, store_settings(80, 60), cache.path())));
  Grouping grouping(data.catalog.items.size());
  grouping.join(near);
  grouping.join_equal(name_keys(data.catalog.names));
  const ItemGroups groups = grouping.large();
  const auto split = make_split(data.catalog, groups, {});
  EXPECT_FALSE(divided(split, near));
  EXPECT_FALSE(divided(split, groups));
  EXPECT_NEAR(double(count(split, Split::test)), double(split.size()) / 10, 1);
  EXPECT_NEAR(double(count(split, Split::val)), double(split.size()) / 10, 1);
  for (std::size_t c = 0; c < 3; ++c)
    EXPECT_EQ(classes_that_train(data.catalog, split, c), data.catalog.classes[c].size());
  const auto random = make_split(data.catalog, {}, {});
  EXPECT_GT(count_leaks(random, near), 100);
  EXPECT_GT(count_leaks(random, groups), 1000);
}

}  // namespace
}  // namespace pc
