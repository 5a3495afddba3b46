// Where the cells of the last map lie: measured on networks made linear, and the published values of the ResNets.
#include "models/map_grid.h"

#include <gtest/gtest.h>

#include "models/classifier.h"

namespace pc {
namespace {

// Every filter the mean of what it sees: no unit is ever switched off by images of no negative pixel, so the network is
// linear but for its max-poolings.
void average_everywhere(Classifier& model) {
  model.visit("", [](const std::string&, Var& value, Role) {
    const Shape& shape = value.shape();
    if (shape.size() == 4) value.set_value(Tensor::full(shape, 1 / float(shape[1] * shape[2] * shape[3]), Device::cpu));
  });
}

// Images of one value per column.
template <class F>
Tensor columns(int h, int w, const F& value) {
  Tensor x({1, h, w, 3}, DType::f32, Device::cpu);
  for (int64_t i = 0; i < x.size(); ++i) x.as<float>()[i] = float(value(i / 3 % w));
  return x;
}

// A linear network answers a ramp with the center of what a cell sees. A max-pooling moves the answer to a rising ramp
// to one side and that to a falling one to the other, so their mean is free of it.
void expect_measured(const std::string& architecture, int width) {
  const auto model = make_classifier(architecture, {{"a", 2}}, 3);
  average_everywhere(*model);
  const int height = 32;
  const auto answer = [&](const Tensor& x) {
    const Tensor map = model->features(Var(x), Mode::infer).value();
    const int64_t cells = map.dim(2), channels = map.dim(3);
    std::vector<double> row;
    for (int64_t j = 0; j < cells; ++j) row.push_back(double(map.as<float>()[j * channels]));
    return row;
  };
  const auto rising = answer(columns(height, width, [](int64_t x) { return double(x); })),
             falling = answer(columns(height, width, [&](int64_t x) { return double(width - x); })),
             even = answer(columns(height, width, [](int64_t) { return 1.0; }));
  const MapGrid grid = model->map_grid();
  const std::size_t middle = even.size() / 2;  // far from the padding
  for (const std::size_t j : {middle - 1, middle, middle + 1}) {
    const double center = (rising[j] - falling[j]) / (2 * even[j]) + width / 2.0;
    EXPECT_NEAR(grid.stride * double(j) + grid.offset, center, 0.1) << architecture << ", cell " << j;
  }
}

TEST(MapGrid, IsWhereACellSeesInAResNet18) { expect_measured("resnet18", 768); }
TEST(MapGrid, IsWhereACellSeesInAResNet50) { expect_measured("resnet50", 768); }
TEST(MapGrid, IsWhereACellSeesInASmallCnn) { expect_measured("smallcnn", 96); }

// Araujo et al., Distill 2019, table of ResNet v1: effective stride 32; all its paddings are (kernel - 1) / 2.
TEST(MapGrid, OfTheResNetsIsThePublishedOne) {
  for (const char* name : {"resnet18", "resnet34", "resnet50", "resnet101"}) {
    const MapGrid grid = make_classifier(name, {{"a", 2}}, std::nullopt)->map_grid();
    EXPECT_EQ(grid.stride, 32) << name;
    EXPECT_EQ(grid.offset, 0) << name;
  }
}

TEST(MapGrid, CountsAsymmetryOfEvenKernels) {
  EXPECT_EQ(MapGrid().after(2, 2, 0).offset, 0.5);
  EXPECT_EQ(MapGrid().after(2, 2, 0).after(2, 2, 0).offset, 1.5);
  EXPECT_EQ(MapGrid().after(2, 2, 1).offset, -0.5);
}

TEST(MapGrid, IsKnownOfANetworkThatOnlyInfers) {
  const auto model = make_classifier("resnet18", {{"a", 2}}, 3);
  model->only_infer();
  model->forward(Var(Tensor::zeros({1, 32, 32, 3}, DType::f32, Device::cpu)), Mode::infer);
  EXPECT_EQ(model->map_grid().stride, 32);
}

}  // namespace
}  // namespace pc
