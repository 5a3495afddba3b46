// The op tests' GPU cases and the stand-in's own, on the stand-in GPU; without arguments, every kernel must have run.
#include <gtest/gtest.h>

namespace pc::simt {
testing::Environment* make_coverage();
}

int main(int argc, char** argv) {
  if (argc == 1) testing::AddGlobalTestEnvironment(pc::simt::make_coverage());
  GTEST_FLAG_SET(filter, "*Gpu*:*Cuda*:Simt*");
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
