// Reloads, in the order that the test forces: a load waits until the test lets it go.
#include "tools/serve/current_model.h"

#include <gtest/gtest.h>

#include <condition_variable>

#include "kernels/base/error.h"
#include "tests/serve/tiny_model.h"

namespace pc::serve {
namespace {

using namespace std::chrono_literals;

class Reloads : public testing::Test {
 protected:
  // The load of that number, from 1 on, gives the model of that name.
  std::shared_ptr<ServedModel> load() {
    std::unique_lock lock(mutex_);
    const int number = ++begun_;
    changed_.notify_all();
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return let_go_ >= number; })) << number;
    if (number == broken_) fail(Exit::data, "broken");
    return tiny_model(folder_, uint64_t(number));
  }
  void done(const std::exception* error) {
    const std::lock_guard lock(mutex_);
    results_.push_back(error ? error->what() : "good");
    changed_.notify_all();
  }
  void let_go(int number) {
    const std::lock_guard lock(mutex_);
    let_go_ = number;
    changed_.notify_all();
  }
  // Whether so many loads have begun, and have ended, within a time that is enough.
  bool begun(int count) {
    return await([&] { return begun_ >= count; });
  }
  bool ended(std::size_t count) {
    return await([&] { return results_.size() >= count; });
  }
  template <class Condition>
  bool await(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, condition);
  }
  std::unique_ptr<CurrentModel> open() {
    return std::make_unique<CurrentModel>([this] { return load(); },
                                          [this](const std::exception* error) { done(error); });
  }
  test::TemporaryFolder folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0, let_go_ = 1, broken_ = 0;
  std::vector<std::string> results_;
};

TEST_F(Reloads, AWishWhileOneIsRunningLeadsToOneMore) {
  auto current = open();
  EXPECT_EQ(current->get()->name, "1");
  current->reload();
  ASSERT_TRUE(begun(2));
  EXPECT_EQ(current->get()->name, "1") << "it answers until the next one is there";
  for (int wish = 0; wish < 3; ++wish) current->reload();
  let_go(2);
  ASSERT_TRUE(begun(3));
  EXPECT_EQ(current->get()->name, "2");
  current->reload();  // during the last one
  let_go(3);
  ASSERT_TRUE(begun(4));
  EXPECT_EQ(current->get()->name, "3");
  let_go(100);
  current.reset();  // not before the load has ended
  EXPECT_EQ(begun_, 4);
  EXPECT_EQ(results_, (std::vector<std::string>{"good", "good", "good"}));
}

TEST_F(Reloads, OneIsTakenAfterTheLastHasEnded) {
  let_go(100);
  auto current = open();
  for (int round = 0; round < 20; ++round) {
    current->reload();
    ASSERT_TRUE(ended(std::size_t(round + 1)));
    EXPECT_EQ(current->get()->name, std::to_string(round + 2));
  }
  current.reset();
  EXPECT_EQ(begun_, 21);
}

TEST_F(Reloads, WhatCannotBeLoadedChangesNothing) {
  broken_ = 2, let_go_ = 100;
  auto current = open();
  for (const std::size_t count : {1, 2}) {
    current->reload();
    ASSERT_TRUE(ended(count));
    EXPECT_EQ(current->get()->name, count == 1 ? "1" : "3");
  }
  EXPECT_EQ(results_, (std::vector<std::string>{"broken", "good"}));
  begun_ = 0, broken_ = 1;
  EXPECT_THROW(open(), Error);
}

TEST_F(Reloads, AModelLivesUntilItsLastUserLetsItGo) {
  let_go(100);
  auto current = open();
  auto user = current->get();
  const std::weak_ptr<ServedModel> first = user;
  current->reload();
  ASSERT_TRUE(ended(1));
  EXPECT_FALSE(first.expired());
  user.reset();
  EXPECT_TRUE(first.expired());
}

}  // namespace
}  // namespace pc::serve
