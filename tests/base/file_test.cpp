// Files are complete or absent: atomic writing that fails leaves the old file and no litter; mapped reading names what
// is wrong.
#include "kernels/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include "kernels/base/bytes.h"
#include "kernels/base/descriptor.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/temporary.h"
#include "tests/as_nobody.h"
#include "tests/support.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return std::size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// The message of an Error(file), which f must throw.
template <class F>
std::string file_error(F&& f) {
  const std::string message = test::refusal(f, Exit::file);
  EXPECT_NE(message, "");
  return message;
}

TEST(File, WritesAndReplaces) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "one");
  EXPECT_EQ(read_file(folder / "a"), "one");
  write_file_atomically(folder / "a", "");
  EXPECT_EQ(read_file(folder / "a"), "");
  write_file_atomically(folder / "a", [](const FileSink& sink) { sink("tw", 2), sink("o", 1), sink("", 0); });
  EXPECT_EQ(read_file(folder / "a"), "two");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(File, AFolderIsCompleteOrAbsent) {
  const test::TemporaryFolder folder;
  const auto half = [](const fs::path& temporary) {
    create_file(temporary / "a", [](const FileSink& sink) { sink("one", 3); });
    create_file(temporary / "a", [](const FileSink&) {});  // a file is made once
  };
  EXPECT_HAS(file_error([&] { write_folder_atomically(folder / "set", half); }), "/a: File exists");
  EXPECT_EQ(entries(folder.path()), 0u);
  write_folder_atomically(folder / "set", [&](const fs::path& temporary) {
    EXPECT_FALSE(fs::exists(folder / "set"));
    create_file(temporary / "a", [](const FileSink& sink) { sink("one", 3); });
  });
  EXPECT_EQ(read_file(folder / "set/a"), "one");
  const std::string again = file_error([&] { write_folder_atomically(folder / "set", [](const fs::path&) {}); });
  EXPECT_HAS(again, "set exists already");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(File, AFolderIsReplacedAsAWholeIfNothingIsLost) {
  const test::TemporaryFolder folder;
  const auto holding = [](const std::string& text, std::initializer_list<const char*> names) {
    return [=](const fs::path& temporary) {
      fs::create_directory(temporary / "in");
      for (const char* name : names)
        create_file(temporary / name, [&](const FileSink& sink) { sink(text.data(), text.size()); });
    };
  };
  write_folder_atomically(folder / "set", holding("old", {"a", "in/b"}), true);
  write_folder_atomically(folder / "set", holding("new", {"a", "in/b", "c"}), true);
  for (const char* name : {"set/a", "set/in/b", "set/c"}) EXPECT_EQ(read_file(folder / name), "new");
  EXPECT_EQ(entries(folder.path()), 1u);
  for (const char* mine : {"set/mine", "set/in/mine"}) {
    create_file(folder / mine, [](const FileSink& sink) { sink("x", 1); });
    const std::string refused = file_error([&] {
      write_folder_atomically(folder / "set", holding("newer", {"a", "in/b", "c"}), true);
    });
    EXPECT_HAS(refused, std::string(mine) + " would be lost");
    EXPECT_EQ(read_file(folder / "set/a"), "new");
    EXPECT_EQ(read_file(folder / mine), "x");
    EXPECT_EQ(entries(folder.path()), 1u);
    fs::remove(folder / mine);
  }
  create_file(folder / "file", [](const FileSink& sink) { sink("x", 1); });
  EXPECT_HAS(file_error([&] { write_folder_atomically(folder / "file", holding("new", {"a"}), true); }),
             "not a folder");
}

TEST(File, CreateFileFollowsNoLink) {
  const test::TemporaryFolder folder;
  fs::create_symlink("target", folder / "link");
  file_error([&] { create_file(folder / "link", [](const FileSink& sink) { sink("x", 1); }); });
  EXPECT_FALSE(fs::exists(folder / "target"));
}

TEST(File, ARelativePathWithoutAFolder) {
  const test::TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_file_atomically("plain", "text");
  fs::current_path(before);
  EXPECT_EQ(read_file(folder / "plain"), "text");
}

TEST(File, AFailingWriterLeavesTheOldFileAndNoLitter) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  const auto half = [](const FileSink& sink) {
    sink("new", 3);
    throw std::runtime_error("stopped halfway");
  };
  EXPECT_THROW(write_file_atomically(folder / "a", half), std::runtime_error);
  EXPECT_THROW(write_file_atomically(folder / "b", half), std::runtime_error);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

// A name that a dead process left, even as a link to a device, is replaced.
TEST(File, ALeftoverOfTheSameNameIsReplaced) {
  const test::TemporaryFolder folder;
  const fs::path leftover = temporary_for(folder / "a");
  fs::create_symlink("/dev/full", leftover);
  write_file_atomically(folder / "a", "one");
  std::ofstream(leftover) << "half";
  write_file_atomically(folder / "a", "two");
  fs::create_directory(leftover);
  write_file_atomically(folder / "a", "three");
  EXPECT_EQ(read_file(folder / "a"), "three");
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

// A rename would replace the device, pipe or folder by a file.
TEST(File, WhatIsNoFileIsNotReplaced) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_directory(folder / "sub");
  EXPECT_EQ(file_error([&] { write_file_atomically(folder / "pipe", "x"); }),
            "cannot write " + (folder / "pipe").string() + ": not a regular file");
  file_error([&] { write_file_atomically(folder / "sub", "x"); });
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
  EXPECT_TRUE(fs::is_directory(folder / "sub"));
  EXPECT_EQ(entries(folder.path()), 2u);
}

TEST(File, AMissingFolderIsNamed) {
  const test::TemporaryFolder folder;
  const std::string message = file_error([&] { write_file_atomically(folder / "no" / "a", "x"); });
  EXPECT_HAS(message, (folder / "no" / "a").string());
  EXPECT_HAS(message, "No such file or directory");
}

TEST(File, AnUnwritableFolderIsNamed) {
  if (::geteuid() == 0) {  // root may write anywhere but here
    const std::string message = file_error([] { write_file_atomically("/proc/pc_test", "x"); });
    EXPECT_HAS(message, "/proc/pc_test");
    return;
  }
  const test::TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const std::string message = file_error([&] { write_file_atomically(folder / "a", "x"); });
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_HAS(message, "Permission denied");
}

// Such a folder cannot be synced, which needs it open; the file is written all the same.
TEST(File, AFolderThatMayNotBeListedTakesFiles) {
  const test::TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms(0755));
  fs::create_directory(folder / "in");
  fs::permissions(folder / "in", fs::perms(0333));
  {
    const test::AsNobody nobody;
    if (!nobody.changed()) GTEST_SKIP() << "not allowed here: to become another user";
    EXPECT_NO_THROW(write_file_atomically(folder / "in/a", "x"));
  }
  fs::permissions(folder / "in", fs::perms(0755));
  EXPECT_EQ(read_file(folder / "in/a"), "x");
}

TEST(File, ReadingNamesWhatIsWrong) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(file_error([&] { read_file(folder / "no"); }),
            "cannot open " + (folder / "no").string() + ": No such file or directory");
  EXPECT_EQ(file_error([&] { read_file(folder.path()); }),
            "cannot open " + folder.path().string() + ": Is a directory");
}

// open(2) of a pipe without a writer would wait for ever; every case here must end at once.
TEST(File, WhatHasNoSizeIsNotOpened) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const std::string pipe = "cannot open " + (folder / "pipe").string() + ": it is a pipe, not a file";
  EXPECT_EQ(file_error([&] { read_file(folder / "pipe"); }), pipe);
  EXPECT_EQ(file_error([&] { MappedFile::open(folder / "pipe"); }), pipe);
  EXPECT_EQ(file_error([&] { rename_synced(folder / "pipe", folder / "b"); }), pipe);
  EXPECT_EQ(file_error([] { MappedFile::open("/dev/zero"); }), "cannot open /dev/zero: it is a device, not a file");
  EXPECT_EQ(file_error([&] { append_to_file(folder / "pipe", "x"); }),
            "cannot write " + (folder / "pipe").string() + ": No such device or address");
}

TEST(File, AnErrorDoesNotHideAFile) {
  EXPECT_FALSE(path_exists("/no/such/file"));
  EXPECT_FALSE(is_file("/dev/null/below a device"));
  const test::TemporaryFolder folder;
  fs::create_symlink("loop", folder / "loop");
  const std::string loop = "cannot look at " + (folder / "loop").string() + ": Too many levels of symbolic links";
  EXPECT_EQ(file_error([&] { path_exists(folder / "loop"); }), loop);
  EXPECT_EQ(file_error([&] { is_file(folder / "loop"); }), loop);
  EXPECT_EQ(file_error([&] { is_folder(folder / "loop"); }), loop);
}

// Shortened while it is mapped: the lost pages read as zeros, the process lives, and the change is reported.
TEST(MappedFile, SurvivesAFileThatShrinks) {
  const test::TemporaryFolder folder;
  const std::string text(1 << 20, 'x');
  write_file_atomically(folder / "a", text);
  const auto file = MappedFile::open(folder / "a"), other = MappedFile::open(folder / "a");
  file->check_unchanged();
  fs::resize_file(folder / "a", 5000);
  const std::string_view seen = as_text(file->bytes());
  ASSERT_EQ(seen.size(), text.size());
  EXPECT_EQ(seen[4999], 'x');
  EXPECT_EQ(seen[text.size() - 1], '\0');
  EXPECT_EQ(seen[8192], '\0');
  EXPECT_EQ(as_text(other->bytes())[500'000], '\0') << "another mapping of the same file";
  for (const auto& each : {file, other})
    EXPECT_EQ(file_error([&] { each->check_unchanged(); }),
              (folder / "a").string() + " changed while it was read; try again when it is complete");
}

TEST(MappedFile, ReportsAFileWrittenOver) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "first");
  const auto mapped = MappedFile::open(folder / "a"), copy = MappedFile::read(folder / "a");
  fs::last_write_time(folder / "a", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_NE(file_error([&] { mapped->check_unchanged(); }), "");
  const auto again = MappedFile::open(folder / "a");
  fs::last_write_time(folder / "a", fs::last_write_time(folder / "a") + std::chrono::nanoseconds(1));
  EXPECT_NE(file_error([&] { again->check_unchanged(); }), "");
  EXPECT_EQ(as_text(copy->bytes()), "first");
}

// A file replaced by a rename, as our own writers do, is another file: the mapped one is complete and unchanged.
TEST(MappedFile, AReplacedFileIsUnchanged) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "first");
  const auto file = MappedFile::open(folder / "a");
  write_file_atomically(folder / "a", "second");
  file->check_unchanged();
  EXPECT_EQ(as_text(file->bytes()), "first");
}

// SIGBUS that is not ours ends the process, as before.
TEST(MappedFile, LeavesForeignFaultsAlone) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", std::string(10'000, 'x'));
  EXPECT_EXIT(
      {
        const auto ours = MappedFile::open(folder / "a");
        const int fd = ::open((folder / "a").c_str(), O_RDONLY);
        const char* foreign = static_cast<const char*>(::mmap(nullptr, 10'000, PROT_READ, MAP_PRIVATE, fd, 0));
        fs::resize_file(folder / "a", 0);
        std::_Exit(foreign[9000]);
      },
      testing::KilledBySignal(SIGBUS), "");
}

// More mappings than the table of the signal handler holds: the others are read.
TEST(MappedFile, AThousandAtOnce) {
  const test::TemporaryFolder folder;
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (int i = 0; i < 1000; ++i) {
    write_file_atomically(folder / "a", std::to_string(i));
    files.push_back(MappedFile::open(folder / "a"));
  }
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(as_text(files[std::size_t(i)]->bytes()), std::to_string(i));
}

TEST(File, AMappedFileOutlivesItsName) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "bytes");
  const auto file = MappedFile::open(folder / "a");
  write_file_atomically(folder / "a", "other content");
  fs::remove(folder / "a");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()), "bytes");
}

TEST(File, AnEmptyFileMapsToNothing) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "empty").close();
  EXPECT_TRUE(MappedFile::open(folder / "empty")->bytes().empty());
}

TEST(File, AppendingMakesItAndGoesOn) {
  const test::TemporaryFolder folder;
  append_to_file(folder / "log", "one\n");
  append_to_file(folder / "log", "two\n");
  EXPECT_EQ(read_file(folder / "log"), "one\ntwo\n");
  EXPECT_EQ(file_error([] { append_to_file("/dev/full", "x"); }), "cannot write /dev/full: No space left on device");
  EXPECT_EQ(file_error([&] { append_to_file(folder / "no/log", "x"); }),
            "cannot write " + (folder / "no/log").string() + ": No such file or directory; there is no folder " +
                (folder / "no").string());
}

TEST(File, ARenameReplacesAndNamesWhatIsAbsent) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a.part", "all of it");
  write_file_atomically(folder / "a", "old");
  rename_synced(folder / "a.part", folder / "a");
  EXPECT_EQ(read_file(folder / "a"), "all of it");
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_EQ(file_error([&] { rename_synced(folder / "a.part", folder / "a"); }),
            "cannot open " + (folder / "a.part").string() + ": No such file or directory");
}

TEST(File, WhatIsMissingOfOneIsSaid) {
  EXPECT_EQ(truncated("m.pth", 579'000, 46'800'000), "m.pth: truncated: 579 KB of 46.8 MB; download it again");
  EXPECT_EQ(truncated("m.pth", 46'800'000, 46'800'001),
            "m.pth: truncated: 46800000 bytes of 46800001 bytes; download it again");
}

TEST(Descriptor, IsClosedOnceByItsLastOwner) {
  int number = -1;
  {
    Descriptor first = open_file("/dev/null", O_RDONLY);
    number = first.get();
    Descriptor second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT: what a move leaves is the subject
    EXPECT_EQ(second.get(), number);
    EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
    second = open_file("/dev/zero", O_RDONLY);
    EXPECT_LT(::fcntl(number, F_GETFD), 0) << "the one before is closed";
    number = second.get();
    Descriptor& same = second;
    second = std::move(same);
    EXPECT_EQ(second.get(), number);
  }
  EXPECT_LT(::fcntl(number, F_GETFD), 0);
}

}  // namespace
}  // namespace pc
