// Locks: another process is named only where there is one; a file system without locks costs a warning, not the job.
#include "tools/cli/lock_file.h"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/holder.h"
#include "tests/support.h"
#include "tools/predict/row_file.h"
#include "tools/runs/run_folder.h"

namespace {

int cause = 0;                    // of the failures to come; 0: none
int failures = -1;                // how many; below 0: all calls
std::function<void()> meanwhile;  // what another process does before the next call

}  // namespace

// In place of the C library's, for the whole test program.
extern "C" int flock(int descriptor, int operation) {
  if (const auto happens = std::exchange(meanwhile, nullptr)) happens();
  if (cause != 0 && failures != 0) {
    --failures;
    errno = cause;
    return -1;
  }
  return int(::syscall(SYS_flock, descriptor, operation));
}

namespace pc::cli {
namespace {

class LockFiles : public testing::Test {
 protected:
  void TearDown() override { fail_with(0); }
  static void fail_with(int error, int times = -1) { cause = error, failures = times; }
  std::filesystem::path path() const { return folder_ / "lock"; }
  test::TemporaryFolder folder_;
};

TEST_F(LockFiles, FileSystemsWithoutLocksDoNotStopTheJob) {
  for (const int error : {ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL, EIO}) {
    fail_with(error);
    EXPECT_NO_THROW(LockFile(path(), "in use")) << error;
    const auto rows = [&] {
      predict::RowFile(folder_ / std::to_string(error), predict::RowFormat::csv, "file\n", {},
                       predict::ExistingRows::refuse);
    };
    EXPECT_NO_THROW(rows()) << error;
  }
  // Said once, where the first one was met.
  testing::internal::CaptureStderr();
  LockFile(path(), "in use");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(LockFiles, TheWarningNamesTheFileAndTheCause) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own: a process warns once
  EXPECT_EXIT(
      {
        fail_with(ENOLCK);
        const LockFile first(path(), "in use");
        const LockFile second(folder_ / "other", "in use");
        std::exit(7);
      },
      testing::ExitedWithCode(7), "^warning: .*/lock: its file system has no locks \\(No locks available\\): .*\n$");
}

TEST_F(LockFiles, ASignalIsNoFailure) {
  fail_with(EINTR, 3);
  const LockFile lock(path(), "in use");
  EXPECT_EQ(read_file(path()), std::to_string(::getpid()));
}

std::string refusal(const std::function<void()>& make) { return test::refusal(make, Exit::file); }

TEST_F(LockFiles, IsAnotherProcesssUntilThatEnds) {
  write_file_atomically(path(), "12345678901234");  // left by one that was killed
  test::Holder other([&](auto until_killed) {
    const LockFile lock(path(), "in use");
    until_killed();
  });
  for (int attempt = 0; attempt < 2; ++attempt)
    EXPECT_EQ(refusal([&] { LockFile(path(), "in use"); }),
              "in use (process " + std::to_string(other.pid()) + " holds " + path().string() + ")");
  other.kill();
  EXPECT_EQ(read_file(path()), std::to_string(other.pid()));
  {
    const LockFile lock(path(), "in use");
    EXPECT_EQ(read_file(path()), std::to_string(::getpid()));
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
}

// Between our open and our lock its holder ends, and removes or replaces it.
TEST_F(LockFiles, TheLockIsThatOfTheFileOfThisName) {
  write_file_atomically(path(), "1");
  meanwhile = [&] { std::filesystem::remove(path()); };
  {
    const LockFile lock(path(), "in use");
    EXPECT_EQ(read_file(path()), std::to_string(::getpid()));
  }
  write_file_atomically(path(), "file\nold.png\n");
  meanwhile = [&] { write_file_atomically(path(), "file\nnew.png\n"); };
  predict::RowFile(path(), predict::RowFormat::csv, "file\n", {}, predict::ExistingRows::replace).append("a.png\n");
  EXPECT_EQ(read_file(path()), "file\na.png\n");
}

TEST_F(LockFiles, ARefusedJobLeavesWhatWasThere) {
  const auto open = [&] {
    predict::RowFile(path(), predict::RowFormat::csv, "file\n", {}, predict::ExistingRows::refuse);
  };
  std::filesystem::create_directory(path().string() + ".manifest");
  EXPECT_EQ(refusal(open), "cannot write " + path().string() + ".manifest: not a regular file");
  EXPECT_FALSE(std::filesystem::exists(path()));
  write_file_atomically(path(), "mine");
  EXPECT_EQ(refusal(open),
            path().string() + " exists already; --resume adds the rows that it lacks, --force replaces it");
  EXPECT_EQ(read_file(path()), "mine");
}

TEST_F(LockFiles, ARunIsTrainedByOneProcess) {
  const auto run = folder_ / "runs/a";
  test::Holder other([&](auto until_killed) {
    const runs::RunFolder folder(run);
    until_killed();
  });
  EXPECT_EQ(refusal([&] { const runs::RunFolder folder(run); }),
            run.string() + " is in use by another pctrain: wait for it, or choose another --name (process " +
                std::to_string(other.pid()) + " holds " + (run / ".lock").string() + ")");
  other.kill();
  EXPECT_EQ(refusal([&] { const runs::RunFolder folder(run); }), "");
}

TEST_F(LockFiles, RowsAreWrittenByOneProcess) {
  using predict::ExistingRows;
  const auto open = [&](ExistingRows existing) {
    return predict::RowFile(path(), predict::RowFormat::csv, "file\n", {}, existing);
  };
  for (const bool there : {false, true}) {  // made by the other process, or there before
    test::Holder other([&](auto until_killed) {
      predict::RowFile rows = open(there ? ExistingRows::replace : ExistingRows::refuse);
      rows.append("a.png\n");
      until_killed();
    });
    for (const auto existing : {ExistingRows::refuse, ExistingRows::resume, ExistingRows::replace})
      EXPECT_EQ(refusal([&] { open(existing); }), path().string() + " is being written by another process");
    EXPECT_EQ(read_file(path()), "file\na.png\n");
    other.kill();
    EXPECT_EQ(refusal([&] { open(ExistingRows::replace); }), "");
    EXPECT_EQ(read_file(path()), "file\n");
  }
}

}  // namespace
}  // namespace pc::cli
