// A guarded value: who uses it is alone.
#include "kernels/base/guarded.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace pc {
namespace {

// The first user stays until the second one has come, or has had time enough to come.
template <class First, class Second>
bool they_meet(First& first, Second& second) {
  std::atomic<bool> inside = false, met = false;
  std::promise<void> entered, came;
  std::thread user([&] {
    first.with([&](const int&) {
      inside = true;
      entered.set_value();
      came.get_future().wait_for(std::chrono::milliseconds(100));
      inside = false;
    });
  });
  entered.get_future().wait();
  second.with([&](const int&) { met = inside.load(); });
  came.set_value();
  user.join();
  return met;
}

TEST(Guarded, ItsUsersAreAlone) {
  Guarded<int> value(3);
  const Guarded<int>& seen = value;
  EXPECT_FALSE(they_meet(value, value));
  EXPECT_FALSE(they_meet(seen, value));
  EXPECT_FALSE(they_meet(value, seen));
  value.with([](int& number) { number = 4; });
  EXPECT_EQ(seen.with([](const int& number) { return number; }), 4);
}

}  // namespace
}  // namespace pc
