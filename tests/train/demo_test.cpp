// tools/demo.sh on a small data set: it trains, prints the table and predicts a picture that was held back.
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

TEST(Demo, TrainsAndPredicts) {
  TemporaryFolder folder;
  make_colors(folder / "colours", 20);
  ::setenv("PC_PRESET", PC_PRESET, 1);
  ::setenv("XDG_CACHE_HOME", folder.path().c_str(), 1);
  ::setenv("PC_RUNS", (folder / "runs").c_str(), 1);
  const Outcome outcome =
      run_program(std::string(PC_SOURCE_DIR) + "/tools/demo.sh",
                  {(folder / "colours").string(), "--set", "train.epochs=2", "--set", "train.batch=8", "--set",
                   "data.labels=", "--set", "model.height=32", "--set", "model.width=32"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_HAS(outcome.out, "accuracy");
  EXPECT_HAS(outcome.out, "held back");
}

TEST(Demo, MissingDataIsNamed) {
  ::setenv("PC_PRESET", PC_PRESET, 1);
  const Outcome outcome = run_program(std::string(PC_SOURCE_DIR) + "/tools/demo.sh", {"/nowhere.zip"});
  EXPECT_TRUE(ended(outcome, 4, "/nowhere.zip: no such file"));
}

TEST(Setup, NothingToDoOnAMachineThatHasAll) {
  const Outcome outcome = run_program(std::string(PC_SOURCE_DIR) + "/tools/setup.sh", {});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace pc::test
