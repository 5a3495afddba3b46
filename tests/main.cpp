// Every test program: memory poison and guard words on, then GoogleTest.
#include <gtest/gtest.h>

#include "kernels/runtime/memory.h"

int main(int argc, char** argv) {
  pc::memory::set_debug(true);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
