// Streams are read to their end, wherever they come from, and nothing without an end is waited for.
#include "kernels/base/input_stream.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/support.h"

namespace pc {
namespace {

using test::refusal;

TEST(InputStream, ReadsAFile) {
  const test::TemporaryFolder folder;
  const std::string text(300'000, 'x');
  std::ofstream(folder / "a") << text;
  EXPECT_EQ(read_stream(folder / "a"), text);
  std::ofstream(folder / "empty");
  EXPECT_EQ(read_stream(folder / "empty"), "");
  EXPECT_EQ(read_stream("/dev/null"), "");
}

// What a shell's <(command) gives: /dev/fd/N of a pipe whose writer is at work.
TEST(InputStream, WaitsForAWriterThatIsThere) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::thread writer([end = ends[1]] {
    for (const char* part : {"[data]\n", "root = ", "shop\n"}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_GT(::write(end, part, std::string_view(part).size()), 0);
    }
    ::close(end);
  });
  EXPECT_EQ(read_stream("/dev/fd/" + std::to_string(ends[0])), "[data]\nroot = shop\n");
  writer.join();
  ::close(ends[0]);
}

TEST(InputStream, APipeWithoutWriterIsNotWaitedFor) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal([&] { read_stream(folder / "pipe"); }, Exit::file),
            "cannot read " + (folder / "pipe").string() + ": a pipe that nobody writes to");
}

TEST(InputStream, NamesWhatIsWrong) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(refusal([&] { read_stream(folder / "no"); }, Exit::file),
            "cannot open " + (folder / "no").string() + ": No such file or directory");
  EXPECT_EQ(refusal([&] { read_stream(folder.path()); }, Exit::file),
            "cannot open " + folder.path().string() + ": Is a directory");
  EXPECT_EQ(refusal([] { read_stream("/dev/zero", 1'000'000); }, Exit::limit), "/dev/zero: more than 1.0 MB");
}

}  // namespace
}  // namespace pc
