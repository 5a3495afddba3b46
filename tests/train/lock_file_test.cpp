// Locks: another process is named only where there is one; a file system without locks costs a warning, not the job.
#include "tools/cli/lock_file.h"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tools/predict/row_file.h"

namespace {

int cause = 0;      // of the failures to come; 0: none
int failures = -1;  // how many; below 0: all calls

}  // namespace

// In place of the C library's, for the whole test program.
extern "C" int flock(int descriptor, int operation) {
  if (cause != 0 && failures != 0) {
    --failures;
    errno = cause;
    return -1;
  }
  return int(::syscall(SYS_flock, descriptor, operation));
}

namespace pc::cli {
namespace {

class Lock : public testing::Test {
 protected:
  void TearDown() override { fail_with(0); }
  static void fail_with(int error, int times = -1) { cause = error, failures = times; }
  std::filesystem::path path() const { return folder_ / "lock"; }
  test::TemporaryFolder folder_;
};

TEST_F(Lock, FileSystemsWithoutLocksDoNotStopTheJob) {
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

TEST_F(Lock, TheWarningNamesTheFileAndTheCause) {
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

TEST_F(Lock, ASignalIsNoFailure) {
  fail_with(EINTR, 3);
  const LockFile lock(path(), "in use");
  EXPECT_EQ(read_file(path()), std::to_string(::getpid()));
}

TEST_F(Lock, AnotherHolderIsNamed) {
  const LockFile lock(path(), "in use");
  try {
    LockFile(path(), "in use");
    ADD_FAILURE() << "locked twice";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::file);
    EXPECT_EQ(std::string(e.what()),
              "in use (process " + std::to_string(::getpid()) + " holds " + path().string() + ")");
  }
}

}  // namespace
}  // namespace pc::cli
