// Levels found in labels that are not quite clean.
#include "tools/evaluate/learn_hierarchy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace pc {
namespace {

Catalog catalog_of(std::vector<std::string> columns, std::vector<std::vector<std::string>> classes) {
  Catalog catalog;
  catalog.columns = std::move(columns);
  catalog.classes = std::move(classes);
  return catalog;
}

void put(Catalog& catalog, int n, std::vector<int32_t> labels) {
  for (int i = 0; i < n; ++i) catalog.items.push_back({.file = "", .labels = labels});
}

Hierarchy learn(const Catalog& catalog) {
  std::vector<uint32_t> items(catalog.items.size());
  std::iota(items.begin(), items.end(), 0u);
  return learn_hierarchy(catalog, items);
}

// type tells group, group tells kind; season has nothing to do with them.
Catalog shop() {
  Catalog c = catalog_of({"type", "kind", "season", "group"}, {{"boots", "heels", "Other", "shirts", "ties"},
                                                               {"clothes", "shoes"},
                                                               {"summer", "winter"},
                                                               {"feet", "neck", "top"}});
  for (const int32_t season : {0, 1}) {
    put(c, 100, {0, 1, season, 0});
    put(c, 100, {1, 1, season, 0});
    put(c, 100, {3, 0, season, 2});
    put(c, 50, {4, 0, season, 1});
    put(c, 10, {2, 0, season, 2});
    put(c, 10, {2, 1, season, 0});
  }
  return c;
}

TEST(LearnHierarchy, FindsTheChainAndLeavesTheRestAlone) {
  const Hierarchy tree = learn(shop());
  ASSERT_EQ(tree.size(), 2u);
  EXPECT_EQ(tree[0].fine, 0u);
  EXPECT_EQ(tree[0].coarse, 3u);
  EXPECT_EQ(tree[0].coarse_of, (std::vector<std::vector<int32_t>>{{0}, {0}, {0, 2}, {2}, {1}}));
  EXPECT_EQ(tree[1].fine, 3u);
  EXPECT_EQ(tree[1].coarse, 1u);
  EXPECT_EQ(chains(tree), (std::vector<std::vector<std::size_t>>{{1, 3, 0}}));
}

TEST(LearnHierarchy, AFewWrongLabelsMakeNothingPossible) {
  Catalog c = shop();
  put(c, 1, {3, 1, 0, 0});  // a shirt among the shoes: 1 of 201 shirts, 1 of 421 of the feet
  const Hierarchy tree = learn(c);
  ASSERT_EQ(tree.size(), 2u);
  EXPECT_EQ(tree[0].coarse_of[3], (std::vector<int32_t>{2}));
}

TEST(LearnHierarchy, ManyWrongLabelsAreNoHierarchy) {
  Catalog c = shop();
  put(c, 40, {3, 1, 0, 0});
  const Hierarchy tree = learn(c);  // type tells neither group nor kind any more, group still tells kind
  ASSERT_EQ(tree.size(), 1u);
  EXPECT_EQ(tree[0].fine, 3u);
}

// Four coarse pictures are a fifth of their label, though next to nothing of the finer one: the combination is real.
TEST(LearnHierarchy, ARareCoarseLabelKeepsItsFinerOne) {
  Catalog c = catalog_of({"kind", "type"}, {{"clothes", "gifts", "shoes"}, {"boots", "heels", "shirts", "ties"}});
  put(c, 300, {0, 2});
  put(c, 300, {2, 0});
  put(c, 4, {1, 2});
  put(c, 16, {1, 3});
  put(c, 300, {2, 1});
  const Hierarchy tree = learn(c);
  ASSERT_EQ(tree.size(), 1u);
  EXPECT_EQ(tree[0].coarse_of[2], (std::vector<int32_t>{0, 1}));
}

// 99 % of the pictures are "new": any column would seem to tell that.
TEST(LearnHierarchy, AnAlmostConstantColumnIsToldByNothing) {
  Catalog c = catalog_of({"state", "type"}, {{"new", "used"}, {"a", "b", "c"}});
  for (const int32_t type : {0, 1, 2}) put(c, 99, {0, type}), put(c, 1, {1, type});
  EXPECT_TRUE(learn(c).empty());
}

TEST(LearnHierarchy, ColumnsThatSayTheSameAreLinkedOnce) {
  Catalog c = catalog_of({"a", "b"}, {{"x", "y"}, {"p", "q"}});
  put(c, 50, {0, 1});
  put(c, 50, {1, 0});
  const Hierarchy tree = learn(c);
  ASSERT_EQ(tree.size(), 1u);
  EXPECT_EQ(tree[0].coarse_of, (std::vector<std::vector<int32_t>>{{1}, {0}}));
}

TEST(LearnHierarchy, PicturesWithoutALabelSayNothing) {
  Catalog c = catalog_of({"a", "b"}, {{"x", "y"}, {"p", "q", "r"}});
  put(c, 50, {-1, 0});
  put(c, 50, {0, -1});
  EXPECT_TRUE(learn(c).empty());
  EXPECT_TRUE(learn_hierarchy(c, {}).empty());
}

}  // namespace
}  // namespace pc
