// A line is one line, and a log that cannot be written ends nothing.
#include "kernels/base/logger.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc {
namespace {

// Standard error leads to the file while this lives.
class ErrorsTo {
 public:
  explicit ErrorsTo(const std::filesystem::path& file) : before_(::dup(STDERR_FILENO)) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
  }
  ~ErrorsTo() {
    std::fflush(stderr);
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

TEST(Logger, OneLineWhateverIsInIt) {
  const test::TemporaryFolder folder;
  {
    const ErrorsTo file(folder / "log");
    const Logger log("pctest");
    log.line("two\nlines, \033[2J and ü");
    log.line("");
  }
  EXPECT_EQ(read_file(folder / "log"), "pctest: two?lines, ?[2J and ü\npctest: \n");
}

TEST(Logger, AFullDiskEndsNothing) {
  const ErrorsTo full("/dev/full");
  Logger("pctest").line("lost");
  note("{} too", "lost");
  EXPECT_FALSE(write_stderr("lost"));
}

// Standard error is the writing end of a pipe while this lives.
class ErrorsToPipe {
 public:
  ErrorsToPipe() : before_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::dup2(ends_[1], STDERR_FILENO);
    ::close(ends_[1]);
  }
  ~ErrorsToPipe() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    stop_reading();
  }
  std::string read() const {
    std::string text(1 << 20, ' ');
    text.resize(std::size_t(::read(ends_[0], text.data(), text.size())));
    return text;
  }
  void stop_reading() { ::close(std::exchange(ends_[0], -1)); }

 private:
  int before_;
  int ends_[2];
};

TEST(Logger, APipeWithoutReaderEndsNothing) {
  std::signal(SIGPIPE, SIG_IGN);  // as run_program() does
  ErrorsToPipe pipe;
  pipe.stop_reading();
  Logger("pctest").line("lost");
}

// A pipe holds 64 KB. Nobody reads, and the thousand lines end all the same; the next reader learns how many were lost.
TEST(Logger, AReaderThatDoesNotReadBlocksNothing) {
  const ErrorsToPipe pipe;
  const std::string line(200, 'x');
  for (int i = 0; i < 1000; ++i) note("{}", line);
  const std::string first = pipe.read();
  EXPECT_GT(first.size(), 60'000u);
  note("the reader is back");
  const std::string then = pipe.read();
  const auto whole_lines = std::size_t(std::count(first.begin(), first.end(), 'x')) / line.size();
  EXPECT_EQ(then, fmt::format("({} lines before this one were lost)\nthe reader is back\n", 1000 - whole_lines));
}

}  // namespace
}  // namespace pc
