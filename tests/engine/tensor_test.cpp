// Tensor: shapes, shared memory, copies, and what it refuses.
#include "engine/tensor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cast/cast.h"

namespace pc {
namespace {

TEST(Tensor, CountsElementsAndBytes) {
  const Tensor t({2, 3, 4}, DType::bf16, Device::cpu);
  EXPECT_EQ(t.size(), 24);
  EXPECT_EQ(t.bytes(), 48u);
  EXPECT_EQ(t.rank(), 3);
  EXPECT_EQ(t.dim(2), 4);
  EXPECT_EQ(to_string(t.shape()), "[2, 3, 4]");
}

TEST(Tensor, AScalarHasNoDimensionAndOneElement) {
  const Tensor t = Tensor::full({}, 2.5f, Device::cpu);
  EXPECT_EQ(t.size(), 1);
  EXPECT_EQ(t.item(), 2.5f);
}

TEST(Tensor, ZeroElementsAreNotEmpty) {
  const Tensor t({0, 7}, DType::f32, Device::cpu);
  EXPECT_FALSE(t.empty());
  EXPECT_TRUE(t.to_vector<float>().empty());
  EXPECT_TRUE(Tensor().empty());
}

TEST(Tensor, CopiesShareMemoryAndClonesDoNot) {
  const Tensor a = Tensor::full({4}, 1, Device::cpu), shared = a, own = a.clone();
  a.as<float>()[2] = 9;
  EXPECT_EQ(shared.as<float>()[2], 9);
  EXPECT_EQ(own.as<float>()[2], 1);
  EXPECT_FALSE(a.unique());
  EXPECT_TRUE(own.unique());
}

TEST(Tensor, ToTheSameDeviceIsItself) {
  const Tensor a = Tensor::zeros({3}, DType::i32, Device::cpu);
  EXPECT_EQ(a.to(Device::cpu).data(), a.data());
}

TEST(Tensor, ReshapeKeepsMemoryAndTheNumberOfElements) {
  const Tensor a = Tensor::from<int32_t>({2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor b = a.reshape({3, 2});
  EXPECT_EQ(b.data(), a.data());
  EXPECT_EQ(b.shape(), (Shape{3, 2}));
  EXPECT_THROW(a.reshape({4}), std::logic_error);
}

TEST(Tensor, VectorsComeBackAsTheyWentIn) {
  EXPECT_EQ(Tensor::from<float>({2}, {1.5f, -2}).to_vector<float>(), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(Tensor::from<int32_t>({2}, {7, -8}).to_vector<int32_t>(), (std::vector<int32_t>{7, -8}));
  EXPECT_EQ(Tensor::from<uint8_t>({2}, {7, 255}).to_vector<uint8_t>(), (std::vector<uint8_t>{7, 255}));
  EXPECT_THROW(Tensor::from<float>({3}, {1, 2}), std::logic_error);
}

TEST(Tensor, SixteenBitFloatsAreReadAsFloats) {
  const Tensor x = Tensor::from<float>({3}, {1, -0.5f, 1.00390625f});  // the last one is halfway: rounds to even, 1
  Tensor low({3}, DType::bf16, Device::cpu);
  PC_KERNELS(cast, Device::cpu).forward(3, DType::f32, x.data(), DType::bf16, low.data());
  EXPECT_EQ(low.to_vector<float>(), (std::vector<float>{1, -0.5f, 1}));
  EXPECT_THROW(low.to_vector<int32_t>(), std::logic_error);
  EXPECT_THROW(Tensor::from<int32_t>({1}, {1}).to_vector<float>(), std::logic_error);
}

TEST(Tensor, CopyFromWantsTheSameShapeAndType) {
  Tensor a = Tensor::zeros({2, 2}, DType::f32, Device::cpu);
  a.copy_from(Tensor::full({2, 2}, 3, Device::cpu));
  EXPECT_EQ(a.to_vector<float>(), (std::vector<float>(4, 3)));
  EXPECT_THROW(a.copy_from(Tensor::zeros({4}, DType::f32, Device::cpu)), std::logic_error);
  EXPECT_THROW(a.copy_from(Tensor::zeros({2, 2}, DType::i32, Device::cpu)), std::logic_error);
}

TEST(Tensor, ItemIsForFloatScalars) {
  EXPECT_EQ(Tensor::full({1, 1}, 4, Device::cpu).item(), 4);
  EXPECT_THROW(Tensor::zeros({2}, DType::f32, Device::cpu).item(), std::logic_error);
  EXPECT_THROW(Tensor::zeros({1}, DType::i32, Device::cpu).item(), std::logic_error);
}

TEST(Tensor, ABorrowedTensorKeepsItsOwnerAlive) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  const std::weak_ptr<std::vector<float>> alive = owner;
  Tensor t = Tensor::borrow({3}, DType::f32, owner->data(), owner);
  owner.reset();
  EXPECT_EQ(t.to_vector<float>(), (std::vector<float>{1, 2, 3}));
  t = {};
  EXPECT_TRUE(alive.expired());
}

TEST(Tensor, FreshMemoryIsPoisonedInTests) {
  const Tensor t({1000}, DType::f32, Device::cpu);
  for (float x : t.to_vector<float>()) ASSERT_TRUE(std::isnan(x));
}

}  // namespace
}  // namespace pc
