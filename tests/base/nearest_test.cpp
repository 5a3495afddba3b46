// The name that was meant: known answers.
#include "kernels/base/nearest.h"

#include "tests/support.h"

namespace pc {
namespace {

TEST(NearestName, DiffersInAThirdAtMost) {
  const std::vector<std::string> names{"epochs", "lr", "batch_size"};
  EXPECT_EQ(nearest_name("epoch", names), "epochs");
  EXPECT_EQ(nearest_name("batchsize", names), "batch_size");
  EXPECT_EQ(nearest_name("rl", names), "") << "two of two bytes differ";
  EXPECT_EQ(nearest_name("momentum", names), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'e'), names), "");
  EXPECT_EQ(nearest_name("lr", {}), "");
}

TEST(NearestPath, IsNextToTheOneThatIsMissing) {
  test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "data/shoes");
  EXPECT_EQ(nearest_path(folder / "dta"), folder / "data");
  EXPECT_EQ(nearest_path(folder / "dta/"), folder / "data");
  EXPECT_EQ(nearest_path(folder / "data/shoe"), folder / "data/shoes");
  EXPECT_EQ(nearest_path(folder / "elsewhere"), "");
  EXPECT_EQ(nearest_path(folder / "nowhere/shoe"), "") << "no such folder";
}

}  // namespace
}  // namespace pc
