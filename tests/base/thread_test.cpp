// Threads start, and where the system gives none that is an error with a way out.
#include "kernels/base/thread.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "tests/support.h"

namespace pc {
namespace {

TEST(Thread, Runs) {
  int value = 0;
  start_thread([&] { value = 7; }).join();
  EXPECT_EQ(value, 7);
}

// The address space is full, so that no stack can be had. A child, as the limit is the process's.
void forbid_threads() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_AS, &none);
}

TEST(Thread, WithoutOneTheWayOutIsNamed) {
  if (!test::kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: it reserves the address space";
  EXPECT_EXIT(
      {
        forbid_threads();
        try {
          for (int i = 0; i < 100; ++i)
            start_thread([] { ::pause(); }).detach();  // the first may get a stack that was used before
        } catch (const Error& error) {
          const std::string_view text = error.what();
          std::_Exit(error.code() == Exit::limit && text.starts_with("cannot start a thread: ") &&
                             text.find("ulimit -u") != text.npos
                         ? 0
                         : 1);
        }
        std::_Exit(2);
      },
      testing::ExitedWithCode(0), "");
}

TEST(ParallelThreads, WithoutThreadsTheCallerDoesTheWork) {
  if (!test::kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: it reserves the address space";
  EXPECT_EXIT(
      {
        forbid_threads();
        set_thread_count(8);
        int64_t sum = 0;
        static int64_t each[100];
        parallel_each(100, [](int64_t i, int) { each[i] = i; });
        for (const int64_t value : each) sum += value;
        std::_Exit(sum == 4950 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pc
