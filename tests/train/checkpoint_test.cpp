// The last good checkpoint: nothing that is not finite is written over it.
#include <cmath>
#include <limits>

#include "engine/state.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "models/architectures.h"
#include "models/model_file.h"
#include "tests/support.h"
#include "tools/runs/run_folder.h"

namespace pc::test {
namespace {

class Checkpoint : public testing::Test {
 protected:
  Checkpoint() : optimizer_(*model_, {.kind = "adamw"}) { folder_.write_config({}); }
  static std::unique_ptr<Classifier> make(uint64_t seed) { return make_classifier("smallcnn", {{"kind", 3}}, seed); }

  // What saving fails with once this value of a member is `value`; "" where it does not fail.
  std::string failure(Module& module, const std::string& name, float value) {
    float* at = nullptr;
    module.visit("", [&](const std::string& member, Var& var, Role) {
      if (member == name) at = var.value().as<float>() + var.value().size() - 1;
    });
    EXPECT_NE(at, nullptr) << name;
    return at ? failure(*at, value) : "";
  }
  std::string failure(float& at, float value) {
    const float before = std::exchange(at, value);
    const std::string message = refusal([&] { save(); }, Exit::numeric);
    at = before;
    return message;
  }
  void save() {
    runs::save_checkpoint(folder_, *model_, average_.get(), optimizer_,
                          {.total_steps = 7, .loss_sums = {0}, .hits = {0}, .seen = {0}});
  }

  TemporaryFolder temporary_;
  runs::RunFolder folder_{temporary_ / "run"};
  std::unique_ptr<Classifier> model_ = make(1), average_ = make(2);
  Optimizer optimizer_;
};

TEST_F(Checkpoint, ValuesThatAreNotFiniteAreNeverSaved) {
  save();
  const std::string good = read_file(folder_.checkpoint_path());
  std::vector<std::string> names;
  model_->visit("", [&](const std::string& name, Var&, Role) { names.push_back(name); });
  ASSERT_TRUE(std::any_of(names.begin(), names.end(), [](const auto& n) { return n.ends_with("running_var"); }));
  for (const float value :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()})
    for (const std::string& name : names) {
      EXPECT_HAS(failure(*model_, name, value), "model." + name) << name;
      EXPECT_HAS(failure(*average_, name, value), "average." + name) << name;
    }
  std::vector<std::pair<std::string, float*>> moments;
  optimizer_.visit([&](const std::string& name, Var& var, Role) {
    moments.emplace_back(name, var.value().as<float>() + var.value().size() / 2);
  });
  ASSERT_FALSE(moments.empty());
  for (const auto& [name, at] : moments) EXPECT_HAS(failure(*at, std::nanf("")), "optimizer." + name) << name;
  EXPECT_TRUE(read_file(folder_.checkpoint_path()) == good);
  save();
  EXPECT_TRUE(read_file(folder_.checkpoint_path()) == good);
}

}  // namespace
}  // namespace pc::test
