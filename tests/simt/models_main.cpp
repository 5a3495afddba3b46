// The models' GPU cases on the stand-in GPU: ResNet18 against PyTorch through the whole engine.
#include <gtest/gtest.h>

#include "tests/simt/simt.h"

int main(int argc, char** argv) {
  pc::simt::set_checks(false);
  GTEST_FLAG_SET(filter, "*resnet18_cuda:*Bf16*cuda:*Recorded*:*Padded*:*Fused*");
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
