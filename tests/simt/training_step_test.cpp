// The step that bench_step times, on the stand-in GPU: it can be recorded, and the recording trains.
#include "bench/training_step.h"

#include <gtest/gtest.h>

namespace pc::bench {
namespace {

Tensor image_batch() {
  const Shape shape{2, 20, 16, 3};
  Tensor x(shape, DType::f32, Device::cpu);
  for (int64_t i = 0; i < x.size(); ++i) x.as<float>()[i] = float(i * 37 % 101) / 50 - 1;
  return x.to(Device::cuda);
}

TEST(TrainingStep, RecordedItTrains) {
  TrainingStep step(image_batch(), {7, 3}, true);
  std::vector<float> losses;
  for (int i = 0; i < 6; ++i) {
    step.run();
    losses.push_back(step.loss());
  }
  EXPECT_TRUE(step.recorded());
  // Every step changes the weights, those that repeat the recording (from the fourth on) as well, and two images are soon learned.
  for (std::size_t i = 1; i < losses.size(); ++i) EXPECT_NE(losses[i], losses[i - 1]) << "step " << i;
  EXPECT_LT(losses.back(), 0.7f * losses.front());
  EXPECT_TRUE(step.finite());
}

}  // namespace
}  // namespace pc::bench
