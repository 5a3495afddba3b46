// The most probable combination of linked labels, against trying every combination.
#include "models/hierarchy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kernels/base/random.h"
#include "models/calibration.h"

namespace pc {
namespace {

// Head 0 has 2 labels, head 1 three, head 2 five, head 3 stands alone: 0 <- 1 <- 2.
const Hierarchy kTree{{.fine = 2, .coarse = 1, .coarse_of = {{0}, {0, 1}, {1}, {2}, {2}}},
                      {.fine = 1, .coarse = 0, .coarse_of = {{0}, {0, 1}, {1}}}};
const std::vector<HeadShape> kHeads{{"a", 2}, {"b", 3}, {"c", 5}, {"alone", 4}};

std::vector<std::vector<float>> random_logits(uint64_t seed, float scale) {
  std::vector<std::vector<float>> logits;
  for (std::size_t h = 0; h < kHeads.size(); ++h) {
    logits.emplace_back();
    for (int c = 0; c < kHeads[h].classes; ++c)
      logits[h].push_back(scale * (uniform(philox(seed, h, uint64_t(c)).word[0]) - 0.5f));
  }
  return logits;
}

bool occurs(const Link& link, int32_t fine, int32_t coarse) {
  const auto& there = link.coarse_of[std::size_t(fine)];
  return std::find(there.begin(), there.end(), coarse) != there.end();
}

TEST(JointLabels, AreTheBestOfAllCombinationsThatOccur) {
  int changed = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const auto logits = random_logits(seed, 6);
    const std::vector<double> t{0.7, 1.3, 2, 1};
    const auto labels = joint_labels(kTree, logits, t);
    std::vector<std::vector<double>> p;
    for (std::size_t h = 0; h < 3; ++h) p.push_back(probabilities(logits[h], t[h]));
    double best = -1;
    std::vector<int32_t> expected;
    for (int32_t a = 0; a < 2; ++a)
      for (int32_t b = 0; b < 3; ++b)
        for (int32_t c = 0; c < 5; ++c)
          if (const double joint = p[0][std::size_t(a)] * p[1][std::size_t(b)] * p[2][std::size_t(c)];
              occurs(kTree[0], c, b) && occurs(kTree[1], b, a) && joint > best)
            best = joint, expected = {a, b, c};
    EXPECT_EQ(std::vector<int32_t>(labels.begin(), labels.begin() + 3), expected) << seed;
    const auto top = joint_labels({}, logits, t);
    EXPECT_EQ(labels[3], top[3]);
    changed += labels != top;
  }
  EXPECT_GT(changed, 50);  // else the tree was never needed
}

// Rare finer labels may have been dropped: their coarser label is named all the same, without a finer one.
TEST(JointLabels, ACoarseLabelWithoutFinerOnesStandsWithoutOne) {
  const Hierarchy tree{{.fine = 1, .coarse = 0, .coarse_of = {{0}, {0}}}};
  const std::vector<double> t{1, 1};
  EXPECT_EQ(joint_labels(tree, {{0.f, 5.f}, {1.f, 2.f}}, t), (std::vector<int32_t>{1, -1}));
  EXPECT_EQ(joint_labels(tree, {{5.f, 0.f}, {1.f, 2.f}}, t), (std::vector<int32_t>{0, 1}));
}

TEST(JointLabels, ManyLogitsFarApartDoNotUnderflow) {
  const Hierarchy tree{{.fine = 1, .coarse = 0, .coarse_of = {{0}, {1}}}};
  EXPECT_EQ(joint_labels(tree, {{-2000.f, 2000.f}, {3000.f, -3000.f}}, {1, 1}), (std::vector<int32_t>{0, 0}));
}

TEST(Hierarchy, ChainsGoFromTheCoarsestToTheFinest) {
  EXPECT_EQ(chains(kTree), (std::vector<std::vector<std::size_t>>{{0, 1, 2}}));
  const Hierarchy fork{{.fine = 3, .coarse = 1, .coarse_of = {}},
                       {.fine = 2, .coarse = 1, .coarse_of = {}},
                       {.fine = 1, .coarse = 0, .coarse_of = {}}};
  EXPECT_EQ(chains(fork), (std::vector<std::vector<std::size_t>>{{0, 1, 3}, {0, 1, 2}}));
  EXPECT_TRUE(chains({}).empty());
}

TEST(Hierarchy, ComesBackFromJson) {
  const Hierarchy back = hierarchy_from_json(to_json(kTree, kHeads), kHeads);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].fine, 2u);
  EXPECT_EQ(back[0].coarse, 1u);
  EXPECT_EQ(back[0].coarse_of, kTree[0].coarse_of);
  EXPECT_EQ(back[1].coarse_of, kTree[1].coarse_of);
}

TEST(Hierarchy, WhatDoesNotFitIsRefused) {
  const auto link = [](const char* fine, const char* coarse, std::vector<std::vector<int>> coarse_of) {
    return nlohmann::json{{"fine", fine}, {"coarse", coarse}, {"coarse_of", coarse_of}};
  };
  const auto list = [](const std::vector<nlohmann::json>& links) { return nlohmann::json(links); };
  const auto good = link("b", "a", {{0}, {1}, {1}}), finer = link("c", "b", {{}, {}, {}, {}, {}});
  EXPECT_NO_THROW(hierarchy_from_json(list({finer, good}), kHeads));
  const nlohmann::json broken[] = {list({link("b", "z", {{0}, {1}, {1}})}),
                                   list({link("b", "a", {{0}, {1}})}),
                                   list({link("b", "a", {{0}, {1}, {2}})}),
                                   list({link("b", "a", {{0}, {1}, {-1}})}),
                                   list({link("b", "b", {{0}, {1}, {1}})}),
                                   list({good, good}),
                                   list({good, finer}),  // the finer link has to come first
                                   list({link("a", "b", {{}, {}}), good}),
                                   list({good, 17}),
                                   nlohmann::json{{"fine", "b"}}};
  for (const auto& j : broken) EXPECT_THROW(hierarchy_from_json(j, kHeads), std::exception) << j;
}

}  // namespace
}  // namespace pc
