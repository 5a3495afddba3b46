// ResNets by themselves: torchvision's names and counts, heads, folded inference, freezing, initial weights.
#include "models/resnet.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "kernels/base/file.h"
#include "tests/models/support.h"
#include "tests/support.h"

namespace pc {
namespace {

using test::distance;

std::vector<std::string> names_of(Module& module, Role wanted) {
  std::vector<std::string> names;
  module.visit("", [&](const std::string& name, Var&, Role role) {
    if (role == wanted) names.push_back(name);
  });
  return names;
}

class Members : public testing::TestWithParam<const char*> {};

TEST_P(Members, NamesShapesAndCountsAreTorchvisions) {
  const auto golden =
      nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/models/members_golden.json")).at(GetParam());
  const auto model = make_classifier(GetParam(), {{"label", 1000}}, std::nullopt);
  EXPECT_EQ(names_of(*model, Role::parameter).size(), golden["parameters"]);
  EXPECT_EQ(names_of(*model, Role::buffer).size(), golden["buffers"]);
  EXPECT_EQ(count_parameters(*model), golden["elements"]);
  std::string text;
  for (const FileTensor& t : state_dict(*model)) text += fmt::format("{} {}\n", t.name, fmt::join(t.shape, ","));
  EXPECT_EQ(fmt::format("{:016x}", test::fnv1a(text)), golden["digest"]) << "our members, in order:\n" << text;
}

INSTANTIATE_TEST_SUITE_P(Models, Members, testing::Values("resnet18", "resnet34", "resnet50", "resnet101"),
                         [](const auto& p) { return std::string(p.param); });

TEST(ResNet, EveryMemberIsNamedOnce) {
  const auto model = make_classifier("resnet50", {{"a", 2}, {"b", 3}}, std::nullopt);
  std::set<std::string> names;
  model->visit("", [&](const std::string& name, Var&, Role) { EXPECT_TRUE(names.insert(name).second) << name; });
}

TEST(ResNet, OneHeadIsFcAndSeveralHaveTheirNames) {
  const auto one = make_classifier("resnet18", {{"colour", 5}}, std::nullopt);
  EXPECT_EQ(names_of(*one, Role::parameter).at(60), "fc.weight");
  EXPECT_EQ(names_of(*one, Role::parameter).at(61), "fc.bias");
  const auto three = make_classifier("resnet18", {{"colour", 5}, {"season", 4}, {"type", 7}}, std::nullopt);
  const auto names = names_of(*three, Role::parameter);
  ASSERT_EQ(names.size(), 66u);
  EXPECT_EQ(names[60], "heads.colour.weight");
  EXPECT_EQ(names[63], "heads.season.bias");
  EXPECT_EQ(names[64], "heads.type.weight");
  EXPECT_EQ(count_parameters(*three), 11'689'512 - 513'000 + 513 * (5 + 4 + 7));
}

class Folded : public testing::TestWithParam<const char*> {};

TEST_P(Folded, InferEqualsEval) {
  const auto model = test::formula_model(GetParam(), {{"label", 10}});
  // Filters are packed for the first input's size; others must work too.
  for (const Shape& s : {Shape{2, 80, 60}, Shape{1, 80, 60}, Shape{3, 33, 47}}) {
    const Var x(test::pictures(5, int(s[0]), int(s[1]), int(s[2])));
    const auto eval = model->forward(x, Mode::eval)[0].value().to_vector<float>();
    const auto infer = model->forward(x, Mode::infer)[0].value().to_vector<float>();
    EXPECT_LE(distance(infer, eval), 1e-4) << to_string(s);
    EXPECT_EQ(model->forward(x, Mode::infer)[0].value().to_vector<float>(), infer) << "the second time";
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Folded, testing::Values("resnet18", "resnet50"),
                         [](const auto& p) { return std::string(p.param); });

TEST(ResNet, InferRecordsNothing) {
  const auto model = test::formula_model("resnet18", {{"label", 10}});
  EXPECT_FALSE(model->forward(Var(test::pictures(5, 1, 40, 30)), Mode::infer)[0].requires_grad());
}

TEST(ResNet, InferInBf16IsNearEval) {
  const auto model = test::formula_model("resnet18", {{"label", 10}});
  const Tensor x = test::pictures(5, 2, 80, 60);
  const Tensor logits = model->forward(Var(test::as(x, DType::bf16)), Mode::infer)[0].value();
  EXPECT_EQ(logits.dtype(), DType::f32);
  EXPECT_LE(distance(logits.to_vector<float>(), model->forward(Var(x), Mode::eval)[0].value().to_vector<float>()),
            0.05);
}

// Folded filters must not outlive the weights they were made from.
TEST(ResNet, InferFollowsTheWeights) {
  const auto model = test::formula_model("resnet18", {{"label", 10}});
  const Var x(test::pictures(5, 2, 40, 30));
  const auto before = model->forward(x, Mode::infer)[0].value().to_vector<float>();
  Optimizer optimizer(*model, {});
  test::train_step(*model, optimizer, x.value(), {1, 2}, 0.1f);
  const auto trained = model->forward(x, Mode::infer)[0].value().to_vector<float>();
  EXPECT_GT(distance(trained, before), 0.01);
  EXPECT_LE(distance(trained, model->forward(x, Mode::eval)[0].value().to_vector<float>()), 1e-4);
  test::fill(*model);
  EXPECT_EQ(model->forward(x, Mode::infer)[0].value().to_vector<float>(), before);
}

TEST(ResNet, ASeedFixesTheInitialWeights) {
  const std::vector<HeadShape> heads{{"label", 10}};
  const auto a = make_classifier("resnet18", heads, 1), b = make_classifier("resnet18", heads, 1),
             c = make_classifier("resnet18", heads, 2);
  EXPECT_EQ(test::weights_of(*a), test::weights_of(*b));
  EXPECT_GT(distance(test::weights_of(*c), test::weights_of(*a)), 0.5);
}

TEST(ResNet, WrongInputsAreNamed) {
  const auto model = test::formula_model("resnet18", {{"label", 10}});
  const Var gray(Tensor::zeros({1, 40, 30, 1}, DType::f32, Device::cpu));
  for (const Mode mode : {Mode::eval, Mode::infer}) EXPECT_THROW(model->forward(gray, mode), std::logic_error);
}

TEST(Classifier, AnUnknownArchitectureNamesTheKnownOnes) {
  EXPECT_EQ(test::error_of([] {
              make_classifier("resnet19", {{"label", 10}}, 1);
            }),
            "2: unknown architecture \"resnet19\"; known: smallcnn, resnet101, resnet18, resnet34, resnet50");
}

}  // namespace
}  // namespace pc
