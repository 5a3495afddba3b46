// What files and folders are like after a call to the system that fails, is interrupted, or does less than it was asked.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"

namespace {

enum class Which { none, write, fsync, close, renameat2 } failing = Which::none;
int cause = 0, skipped = 0, failures = 0;  // the calls of that name that do what they should, and then that fail
std::size_t most_bytes = 0;                // of a write; 0: all

bool fails(Which which) {
  if (which != failing || skipped-- > 0 || failures-- <= 0) return false;
  errno = cause;
  return true;
}

}  // namespace

// In place of the C library's, for the whole test program.
extern "C" ssize_t write(int fd, const void* data, std::size_t bytes) {
  if (fails(Which::write)) return -1;
  return ::syscall(SYS_write, fd, data, most_bytes > 0 ? std::min(bytes, most_bytes) : bytes);
}
extern "C" int fsync(int fd) { return fails(Which::fsync) ? -1 : int(::syscall(SYS_fsync, fd)); }
extern "C" int close(int fd) {
  const bool failed = fails(Which::close);
  const int result = int(::syscall(SYS_close, fd));
  if (failed) errno = cause;
  return failed ? -1 : result;
}
extern "C" int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return fails(Which::renameat2) ? -1 : int(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

namespace pc {
namespace {

class FailingCalls : public testing::Test {
 protected:
  FailingCalls() { write_file_atomically(path_, "old"); }
  void TearDown() override { failing = Which::none, most_bytes = 0; }
  // The error of f while the first calls of that name, behind `after` others, fail.
  template <class F>
  static std::string error_of(Which which, int error, F f, int after = 0, int times = 1) {
    failing = which, cause = error, skipped = after, failures = times;
    const std::string message = test::refusal(f, Exit::file);
    EXPECT_LE(failures, 0) << "it was not called";
    failing = Which::none;
    return message;
  }
  std::size_t entries() const { return list_folder(folder_.path()).size(); }
  test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "a";
};

TEST_F(FailingCalls, AWriteMayBeShortOrInterrupted) {
  most_bytes = 3;
  EXPECT_EQ(error_of(
                Which::write, EINTR, [&] { write_file_atomically(path_, "0123456789"); }, 2, 2),
            "");
  EXPECT_EQ(read_file(path_), "0123456789");
  EXPECT_EQ(error_of(
                Which::write, ENOSPC, [&] { append_to_file(path_, "abcdef"); }, 1),
            "cannot write " + path_.string() + ": No space left on device");
  EXPECT_EQ(read_file(path_), "0123456789abc");
}

TEST_F(FailingCalls, AFullDiskLeavesTheOldFileAndNoLitter) {
  most_bytes = 3;
  EXPECT_EQ(error_of(
                Which::write, ENOSPC, [&] { write_file_atomically(path_, "newer"); }, 1),
            "cannot write " + path_.string() + ": No space left on device");
  EXPECT_EQ(read_file(path_), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FailingCalls, WhatCannotBeSyncedReplacesNothing) {
  const auto replace = [&] { write_file_atomically(path_, "new"); };
  EXPECT_EQ(error_of(Which::fsync, EIO, replace), "cannot write " + path_.string() + ": Input/output error");
  EXPECT_EQ(read_file(path_), "old");
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(error_of(Which::fsync, EINTR, replace, 0, 2), "");
  const auto rename = [&] { rename_synced(path_, folder_ / "b"); };
  EXPECT_EQ(error_of(Which::fsync, EIO, rename), "cannot write " + path_.string() + ": Input/output error");
  EXPECT_EQ(read_file(path_), "new");
}

TEST_F(FailingCalls, AFolderMayHaveNoSync) {
  const auto replace = [&] { write_file_atomically(path_, "new"); };
  for (const int none : {EINVAL, ENOTSUP}) EXPECT_EQ(error_of(Which::fsync, none, replace, 1), "");
  EXPECT_EQ(error_of(Which::fsync, EIO, replace, 1),
            "cannot write to " + folder_.path().string() + ": Input/output error");
}

// As network file systems report a full disk.
TEST_F(FailingCalls, ACloseThatFailsIsReported) {
  const auto append = [&] { append_to_file(path_, "x"); };
  EXPECT_EQ(error_of(Which::close, EDQUOT, append), "cannot write " + path_.string() + ": Disk quota exceeded");
  EXPECT_EQ(error_of(Which::close, EINTR, append), "");
}

// The old folder goes first only where the file system cannot exchange the two.
TEST_F(FailingCalls, AFolderThatCannotBeReplacedStays) {
  const auto make = [&](const char* text) {
    write_folder_atomically(
        folder_ / "set", [&](const auto& temporary) { write_file_atomically(temporary / "in", text); }, true);
  };
  make("old");
  const auto replace = [&] { make("new"); };
  EXPECT_EQ(error_of(Which::renameat2, EIO, replace),
            "cannot rename to " + (folder_ / "set").string() + ": Input/output error");
  EXPECT_EQ(read_file(folder_ / "set/in"), "old");
  EXPECT_EQ(entries(), 2u);
  for (const int none : {EINVAL, ENOSYS}) {
    make("old");
    EXPECT_EQ(error_of(Which::renameat2, none, replace), "");
    EXPECT_EQ(read_file(folder_ / "set/in"), "new");
    EXPECT_EQ(entries(), 2u);
  }
}

}  // namespace
}  // namespace pc
