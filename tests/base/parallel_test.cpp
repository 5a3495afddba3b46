// The team of threads: every block once, whatever else happens on the machine.
#include "kernels/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/holder.h"

namespace pc {
namespace {

// Three threads on any machine: more than it may have cores.
class Parallel : public testing::Test {
 protected:
  void SetUp() override { set_thread_count(3); }
  void TearDown() override { set_thread_count(0); }
};

TEST_F(Parallel, EveryBlockOnce) {
  for (const int64_t count : {0, 1, 2, 3, 4, 7, 100, 10'000}) {
    std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
    parallel_each(count, [&](int64_t i, int) { ++done[std::size_t(i)]; });
    for (const auto& times : done) ASSERT_EQ(times, 1) << count;
  }
}

TEST_F(Parallel, BlocksCoverTheRange) {
  std::vector<std::atomic<int>> done(1000);
  parallel_for(1000, 7, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin % 7, 0);
    for (; begin < end; ++begin) ++done[std::size_t(begin)];
  });
  for (const auto& times : done) ASSERT_EQ(times, 1);
}

TEST_F(Parallel, AWorkerIsOneThreadAtATime) {
  std::atomic<int> busy[3] = {};
  std::atomic<int> most = 0;
  for (int region = 0; region < 200; ++region)
    parallel_each(50, [&](int64_t, int worker) {
      ASSERT_LT(worker, 3);
      most = std::max(most.load(), ++busy[worker]);
      --busy[worker];
    });
  EXPECT_EQ(most, 1);
}

// Many short regions: a wake-up that is lost would hang here.
TEST_F(Parallel, ManyShortRegions) {
  std::atomic<int64_t> sum = 0;
  for (int region = 0; region < 20'000; ++region) parallel_each(4, [&](int64_t i, int) { sum += i; });
  EXPECT_EQ(sum, 20'000 * 6);
}

TEST_F(Parallel, RegionsOfSeveralCallersAtOnce) {
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int region = 0; region < 500; ++region) parallel_each(8, [&](int64_t i, int) { sum += i; });
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum, 4 * 500 * 28);
}

TEST_F(Parallel, ARegionWithinARegionRunsOnItsThread) {
  std::atomic<int> inner = 0;
  parallel_each(6, [&](int64_t, int) {
    const auto here = std::this_thread::get_id();
    parallel_each(5, [&](int64_t, int) {
      EXPECT_EQ(std::this_thread::get_id(), here);
      ++inner;
    });
  });
  EXPECT_EQ(inner, 30);
}

TEST_F(Parallel, AnExceptionReachesTheCaller) {
  const auto fails = [](int64_t i, int) {
    if (i == 5) throw std::runtime_error("block 5");
  };
  EXPECT_THROW(parallel_each(100, fails), std::runtime_error);
  std::atomic<int> after = 0;
  parallel_each(100, [&](int64_t, int) { ++after; });
  EXPECT_EQ(after, 100);
}

TEST_F(Parallel, TheNumberOfThreadsBelongsToTheThreadThatSetIt) {
  int other = 0;
  std::thread([&] {
    set_thread_count(1);
    other = thread_count();
  }).join();
  EXPECT_EQ(other, 1);
  EXPECT_EQ(thread_count(), 3);
}

// A child has the caller only; it must not wait for threads that did not come along.
TEST_F(Parallel, WorksAfterFork) {
  parallel_each(10, [](int64_t, int) {});
  const auto blocks = [] {
    std::atomic<int> done = 0;
    parallel_each(100, [&](int64_t, int) { ++done; });
    return done.load();
  };
  EXPECT_EQ(test::exit_code_of_child(blocks), 100);
}

}  // namespace
}  // namespace pc
