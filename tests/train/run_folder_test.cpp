// The folder of a run: its log.
#include "tools/runs/run_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::runs {
namespace {

TEST(RunLog, IsCutBackToTheBytesOfACheckpoint) {
  const test::TemporaryFolder folder;
  RunFolder run(folder / "a");
  const auto file = folder / "a/metrics.jsonl";
  EXPECT_EQ(run.log_bytes(), 0);
  run.truncate_log(0);
  EXPECT_FALSE(path_exists(file));
  run.log({{"epoch", 1}});
  const int64_t bytes = run.log_bytes();
  EXPECT_EQ(bytes, 12);
  run.log({{"epoch", 2}});
  run.truncate_log(25);  // more than there is
  run.truncate_log(24);
  EXPECT_EQ(read_file(file), "{\"epoch\":1}\n{\"epoch\":2}\n");
  run.truncate_log(bytes);
  run.log({{"epoch", 3}});
  EXPECT_EQ(read_file(file), "{\"epoch\":1}\n{\"epoch\":3}\n");
}

// The disk takes a part of a line and is full then; the limit is that of a process of its own.
TEST(RunLog, ALineThatDoesNotFitHasItsCauseNamed) {
  const test::TemporaryFolder folder;
  RunFolder run(folder / "a");
  const auto write_it = [&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 5, .rlim_max = 5};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      run.log({{"epoch", 1}});
    } catch (const Error& error) {
      std::_Exit(error.what() == "cannot write " + (folder / "a/metrics.jsonl").string() + ": File too large" ? 0 : 1);
    }
    std::_Exit(2);
  };
  EXPECT_EXIT(write_it(), testing::ExitedWithCode(0), "");
  EXPECT_EQ(read_file(folder / "a/metrics.jsonl"), "{\"epo");
}

}  // namespace
}  // namespace pc::runs
