// Locks tried from a second process, and temporaries made while others sweep.
#include "kernels/base/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/temporary.h"
#include "tests/holder.h"
#include "tests/support.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

// What another process gets that opens the file and tries the lock.
Lock lock_of_another_process(const fs::path& path) {
  return Lock(test::exit_code_of_child([&] { return int(try_lock(Descriptor(::open(path.c_str(), O_RDONLY)))); }));
}

TEST(Lock, IsHeldUntilTheDescriptorCloses) {
  const test::TemporaryFolder folder;
  append_to_file(folder / "a", "");
  {
    const Descriptor fd = open_file(folder / "a", O_RDONLY);
    EXPECT_EQ(lock_of_another_process(folder / "a"), Lock::taken);
    EXPECT_EQ(try_lock(fd), Lock::taken);
    EXPECT_EQ(lock_of_another_process(folder / "a"), Lock::held);
  }
  EXPECT_EQ(lock_of_another_process(folder / "a"), Lock::taken);
}

TEST(Lock, OfWhatCannotBeLockedIsReported) {
  const Descriptor path_only(::open("/", O_PATH));  // flock(2) gives EBADF
  EXPECT_EQ(try_lock(path_only), Lock::unsupported);
}

TEST(StillNamed, IsFalseOnceTheNameLeadsElsewhere) {
  const test::TemporaryFolder folder;
  append_to_file(folder / "a", "");
  fs::create_symlink("a", folder / "link");
  const Descriptor fd = open_file(folder / "link", O_RDONLY);
  EXPECT_TRUE(still_named(fd, folder / "a"));
  EXPECT_TRUE(still_named(fd, folder / "link"));
  write_file_atomically(folder / "a", "another");
  EXPECT_FALSE(still_named(fd, folder / "a"));
  EXPECT_FALSE(still_named(fd, folder / "link"));
  fs::remove(folder / "a");
  EXPECT_FALSE(still_named(fd, folder / "a"));
}

TEST(Temporary, IsAnotherProcesssUntilThatIsKilled) {
  const test::TemporaryFolder folder;
  const fs::path file = folder / "model.tmp.1", set = folder / "set.tmp.1";
  test::Holder other([&](auto until_killed) {
    const Descriptor model = create_temporary(file), images = create_temporary_folder(set);
    until_killed();
  });
  const auto sweep = [&] {
    sweep_temporaries_of(folder / "model");
    sweep_temporaries_of(folder / "set");
    sweep_temporaries(folder.path());
    return std::pair(fs::exists(file), fs::exists(set));
  };
  EXPECT_EQ(sweep(), std::pair(true, true));
  EXPECT_THROW(create_temporary(file), Error);
  EXPECT_THROW(create_temporary_folder(set), Error);
  other.kill();
  {
    const Descriptor model = create_temporary(file),
                     images = create_temporary_folder(set);  // in place of the dead one's
    EXPECT_EQ(sweep(), std::pair(true, true));
  }
  EXPECT_EQ(sweep(), std::pair(false, false));
}

// A sweep that comes between the making of a temporary and its lock takes it away; its writer has to notice.
TEST(Temporary, IsThereForItsWriterWhileOthersSweep) {
  const test::TemporaryFolder folder;
  std::atomic<bool> done = false;
  std::thread sweeper([&] {
    while (!done) sweep_temporaries(folder.path());
  });
  for (int i = 0; i < 3000; ++i) {
    const fs::path temporary = folder / ("model.tmp." + std::to_string(i));
    const Descriptor fd = create_temporary(temporary);
    EXPECT_EQ(::rename(temporary.c_str(), (folder / "model").c_str()), 0) << i;
  }
  done = true;
  sweeper.join();
}

}  // namespace
}  // namespace pc
