// dropout and drop_path: their table of cases; what the factors depend on; how many are 0.
#include "tests/ops/dropout_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

TEST(Dropout, MatchesReference) { check_values(dropout_cases(), Device::cpu); }
TEST(Dropout, NaNAndInfinity) { check_special_values(dropout_cases(), Device::cpu); }
TEST(Dropout, SameBitsWithAnyNumberOfThreads) { check_threads(dropout_cases()); }
TEST(Dropout, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(dropout_cases(), Device::cuda);
}

std::vector<float> factors(uint64_t seed, uint64_t epoch, uint16_t layer, const std::vector<uint64_t>& images) {
  const Var x(Tensor::full({int64_t(images.size()), 40}, 1, Device::cpu));
  return dropout(x, {.p = 0.5f, .layer = layer, .batch = dropout_batch(seed, epoch, images, Device::cpu)})
      .value()
      .to_vector<float>();
}

TEST(Dropout, AnImagesFactorsDoNotDependOnItsBatch) {
  const std::vector<float> both = factors(1, 2, 3, {70, 80}), second = factors(1, 2, 3, {80});
  EXPECT_TRUE(std::equal(second.begin(), second.end(), both.begin() + 40));
}

TEST(Dropout, EveryPartOfTheKeyCounts) {
  const std::vector<float> one = factors(1, 2, 3, {4});
  EXPECT_EQ(factors(1, 2, 3, {4}), one);
  EXPECT_NE(factors(9, 2, 3, {4}), one);
  EXPECT_NE(factors(1, 9, 3, {4}), one);
  EXPECT_NE(factors(1, 2, 9, {4}), one);
  EXPECT_NE(factors(1, 2, 3, {9}), one);
}

TEST(Dropout, TheShareOfZerosIsP) {
  const Var x(Tensor::full({1000, 100}, 1, Device::cpu));
  std::vector<uint64_t> images(1000);
  std::iota(images.begin(), images.end(), 0);
  const DropoutOptions options{.p = 0.2f, .batch = dropout_batch(1, 1, images, Device::cpu)};
  const std::vector<float> y = dropout(x, options).value().to_vector<float>();
  EXPECT_NEAR(double(std::count(y.begin(), y.end(), 0.0f)) / double(y.size()), 0.2, 0.005);
  const std::vector<float> paths = drop_path(x, options).value().to_vector<float>();
  EXPECT_NEAR(double(std::count(paths.begin(), paths.end(), 0.0f)) / double(paths.size()), 0.2, 0.05);
}

TEST(Dropout, OutsideTrainingItIsTheValueItself) {
  const Var x(Tensor::full({3, 2}, 1, Device::cpu));
  EXPECT_EQ(dropout(x, {.p = 0.5f, .training = false}).value().data(), x.value().data());
  EXPECT_EQ(drop_path(x, {.p = 0}).value().data(), x.value().data());
}

TEST(Dropout, RefusesWhatIsNotAProbabilityOrNotTheBatch) {
  const Var x(Tensor::full({3, 2}, 1, Device::cpu));
  EXPECT_THROW(dropout(x, {.p = 1, .batch = dropout_batch(1, 1, {1, 2, 3}, Device::cpu)}), std::logic_error);
  EXPECT_THROW(dropout(x, {.p = kNaN, .batch = dropout_batch(1, 1, {1, 2, 3}, Device::cpu)}), std::logic_error);
  EXPECT_THROW(dropout(x, {.p = 0.5f, .batch = dropout_batch(1, 1, {1, 2}, Device::cpu)}), std::logic_error);
}

}  // namespace
}  // namespace pc::test
