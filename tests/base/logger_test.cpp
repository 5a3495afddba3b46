// A line is one line, and a log that cannot be written ends nothing.
#include "kernels/base/logger.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

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
  std::clearerr(stderr);
}

}  // namespace
}  // namespace pc
