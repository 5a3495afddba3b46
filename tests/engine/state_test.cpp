// State dicts: the layout change, what loading takes and what it reports.
#include "engine/state.h"

#include <gtest/gtest.h>

#include <numeric>

#include "kernels/base/error.h"
#include "tests/support.h"

namespace pc {
namespace {

Tensor counted(const Shape& shape) {
  std::vector<float> values(std::size_t(element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::from(shape, values);
}

// Eight members: a filter, a matrix, five vectors and a statistic.
class Net : public Module {
 public:
  Var filter{counted({2, 3, 3, 4}), true}, matrix{counted({5, 2}), true}, statistic{Tensor::full({2}, 1, Device::cpu)};
  std::vector<Var> vectors;
  Net() {
    for (int i = 0; i < 5; ++i) vectors.emplace_back(Tensor::full({3}, float(i), Device::cpu), true);
  }
  void visit(const std::string& prefix, const Visitor& visitor) override {
    visitor(join(prefix, "filter"), filter, Role::parameter);
    visitor(join(prefix, "matrix"), matrix, Role::parameter);
    for (std::size_t i = 0; i < 5; ++i)
      visitor(join(prefix, "vector" + std::to_string(i)), vectors[i], Role::parameter);
    visitor(join(prefix, "statistic"), statistic, Role::buffer);
  }
};

FileTensor entry(const std::string& name, const Tensor& t) {
  return {.name = name,
          .type = FileType::f32,
          .shape = t.shape(),
          .data = t.as<std::byte>(),
          .owner = std::make_shared<Tensor>(t)};
}

TEST(State, OihwBecomesKrsc) {
  // x[o][i][h][w] -> y[o][h][w][i]
  const Tensor y = oihw_to_krsc(counted({2, 3, 2, 2}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2, 3}));
  const float* v = y.as<float>();
  for (int o = 0; o < 2; ++o)
    for (int i = 0; i < 3; ++i)
      for (int h = 0; h < 2; ++h)
        for (int w = 0; w < 2; ++w) EXPECT_EQ(v[((o * 2 + h) * 2 + w) * 3 + i], float(((o * 3 + i) * 2 + h) * 2 + w));
}

TEST(State, TheLayoutRoundTripIsExact) {
  for (const Shape& shape : {Shape{64, 3, 7, 7}, Shape{5, 1, 1, 1}, Shape{3, 17, 1, 1}, Shape{1, 2, 5, 3}}) {
    const Tensor x = counted(shape);
    EXPECT_EQ(krsc_to_oihw(oihw_to_krsc(x)).to_vector<float>(), x.to_vector<float>());
    EXPECT_EQ(krsc_to_oihw(oihw_to_krsc(x)).shape(), shape);
  }
}

TEST(State, TheDictIsInVisitOrderWithPyTorchsShapes) {
  Net net;
  const std::vector<FileTensor> state = state_dict(net);
  ASSERT_EQ(state.size(), 8u);
  EXPECT_EQ(state[0].name, "filter");
  EXPECT_EQ(state[0].shape, (Shape{2, 4, 3, 3}));
  EXPECT_EQ(state[1].shape, (Shape{5, 2}));
  EXPECT_EQ(state[7].name, "statistic");
}

// What was saved must not change when training continues.
TEST(State, TheDictIsACopy) {
  Net net;
  const std::vector<FileTensor> state = state_dict(net);
  net.vectors[1].value().as<float>()[0] = 99;
  EXPECT_EQ(state[3].tensor().to_vector<float>(), (std::vector<float>{1, 1, 1}));
}

TEST(State, LoadsEverythingBackBitForBit) {
  Net from, into;
  from.statistic.set_value(Tensor::from<float>({2}, {0.1f, -0.0f}));
  into.filter.set_value(Tensor::zeros({2, 3, 3, 4}, DType::f32, Device::cpu));
  const LoadReport report = load_state_dict(into, {.tensors = state_dict(from)});
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.loaded, 8);
  EXPECT_EQ(describe(report), "8 tensors loaded");
  EXPECT_EQ(into.filter.value().to_vector<float>(), from.filter.value().to_vector<float>());
  EXPECT_EQ(into.statistic.value().to_vector<float>(), from.statistic.value().to_vector<float>());
  EXPECT_TRUE(into.filter.requires_grad());
}

// A loaded parameter is written by the optimizer: it must not be in the file's (read-only, shared) memory.
TEST(State, LoadedMembersHaveTheirOwnMemory) {
  Net from, into;
  const WeightFile file{.tensors = state_dict(from)};
  load_state_dict(into, file);
  into.visit("", [&](const std::string& name, Var& v, Role) {
    EXPECT_NE(v.value().as<std::byte>(), file.find(name)->data) << name;
  });
}

TEST(State, LoadingDropsTheSixteenBitCopy) {
  Net from, into;
  into.matrix.set_value(Tensor::zeros({5, 2}, DType::f32, Device::cpu));
  EXPECT_EQ(into.matrix.as(DType::bf16).to_vector<float>()[9], 0);
  load_state_dict(into, {.tensors = state_dict(from)});
  EXPECT_EQ(into.matrix.as(DType::bf16).to_vector<float>()[9], 9);
}

TEST(State, CountersAreIgnored) {
  Net from, into;
  WeightFile file{.tensors = state_dict(from)};
  file.tensors.push_back(entry("bn1.num_batches_tracked", Tensor::full({}, 5, Device::cpu)));
  EXPECT_TRUE(load_state_dict(into, file).complete());
}

TEST(State, MissingTensorsAreReportedByName) {
  Net net;
  const LoadReport report = load_state_dict(net, {});
  EXPECT_EQ(report.missing.size(), 8u);
  EXPECT_EQ(describe(report), "0 tensors loaded; 8 missing (filter, matrix, vector0, vector1, vector2, …)");
}

TEST(State, UnexpectedTensorsAreReportedByName) {
  Net from, into;
  WeightFile file{.tensors = state_dict(from)};
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) file.tensors.push_back(entry(name, counted({1})));
  const LoadReport report = load_state_dict(into, file);
  EXPECT_EQ(report.loaded, 8);
  EXPECT_EQ(describe(report), "8 tensors loaded; 7 unexpected (a, b, c, d, e, …)");
}

TEST(State, MisshapedTensorsAreReportedWithBothShapesInTheFilesLayout) {
  Net from, into;
  WeightFile file{.tensors = state_dict(from)};
  file.tensors[0] = entry("filter", counted({2, 3, 3, 4}));  // our own layout is not the file's
  file.tensors[1] = entry("matrix", counted({7, 2}));
  const LoadReport report = load_state_dict(into, file);
  EXPECT_EQ(report.loaded, 6);
  EXPECT_EQ(describe(report),
            "6 tensors loaded; 2 of another shape (filter [2, 3, 3, 4] into [2, 4, 3, 3], matrix [7, 2] into [5, 2])");
  EXPECT_EQ(into.matrix.shape(), (Shape{5, 2}));
}

TEST(State, StrictLoadingNamesTheFile) {
  Net net;
  WeightFile file{.tensors = state_dict(net)};
  load_strict(net, file, "good.safetensors");
  file.tensors.pop_back();
  EXPECT_EQ(test::error_of([&] { load_strict(net, file, "bad.safetensors"); }),
            "3: bad.safetensors: weights of another model: 7 tensors loaded; 1 missing (statistic)");
}

TEST(Module, FreezeCountAndJoin) {
  Net net;
  EXPECT_EQ(count_parameters(net), 72 + 10 + 15);
  freeze(net, {"vector1", "fil"});
  EXPECT_FALSE(net.filter.requires_grad());
  EXPECT_FALSE(net.vectors[1].requires_grad());
  EXPECT_TRUE(net.vectors[0].requires_grad());
  freeze(net, {""});
  EXPECT_FALSE(net.matrix.requires_grad());
  EXPECT_EQ(join("", "x"), "x");
  EXPECT_EQ(join("a", "x"), "a.x");
}

}  // namespace
}  // namespace pc
