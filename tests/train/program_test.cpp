// The frame of every program: whatever its body throws ends in the documented exit code, and in one line that names the thing.
#include "tools/cli/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <new>
#include <system_error>
#include <thread>

namespace pc::cli {
namespace {

struct Result {
  int code = -1;
  std::string errors;
};

Result run(const std::function<Exit()>& body) {
  testing::internal::CaptureStderr();
  const int code = run_program("pctest", body);
  return {code, testing::internal::GetCapturedStderr()};
}

TEST(Program, EveryExceptionHasItsCodeAndOneLine) {
  const struct {
    std::function<Exit()> body;
    int code;
    std::string line;
  } cases[] = {
      {[] { return Exit::ok; }, 0, ""},
      {[]() -> Exit { fail(Exit::data, "a.csv:3: no id"); }, 3, "pctest: a.csv:3: no id\n"},
      {[]() -> Exit { throw std::bad_alloc(); }, 6, "pctest: out of memory\n"},
      {[] { return Exit(std::filesystem::file_size("/no/file")); }, 4,
       "pctest: cannot use /no/file: No such file or directory\n"},
      {[]() -> Exit { throw std::system_error(EAGAIN, std::generic_category(), "thread"); }, 6,
       "pctest: thread: Resource temporarily unavailable\n"},
      {[]() -> Exit { throw std::system_error(EMFILE, std::system_category(), "epoll"); }, 6,
       "pctest: epoll: Too many open files\n"},
      {[]() -> Exit { throw std::system_error(EIO, std::generic_category(), "read"); }, 4,
       "pctest: read: Input/output error\n"},
      {[]() -> Exit { throw std::logic_error("x has no rows"); }, 1, "pctest: internal error: x has no rows\n"},
  };
  for (const auto& each : cases) {
    const Result result = run(each.body);
    EXPECT_EQ(result.code, each.code) << each.line;
    EXPECT_EQ(result.errors, each.line);
  }
}

// A file that would get a free descriptor 0, 1 or 2 would be mixed with the program's messages.
TEST(Program, FilesNeverTakeAStandardDescriptor) {
  for (const int closed : {0, 1, 2})
    EXPECT_EXIT(
        {
          ::close(closed);
          int got = -1;
          run_program("pctest", [&] {
            got = ::open("/dev/null", O_RDONLY);
            return Exit::ok;
          });
          std::_Exit(got > 2 ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

// A limit of the file size and a reader that went away are errors of write(2), not signals that end the program.
TEST(Program, NoSignalEndsAWrite) {
  EXPECT_EXIT(
      {
        run_program("pctest", [] {
          ::raise(SIGPIPE);
          ::raise(SIGXFSZ);
          return Exit::ok;
        });
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

void want_memory() { throw std::bad_alloc(); }

struct NeedsMemoryToGo {
  ~NeedsMemoryToGo() { want_memory(); }  // as nlohmann's json does
};

TEST(Program, WantOfMemoryWhereNothingCanBeThrownIsALimit) {
  const testing::ExitedWithCode limit(6);
  EXPECT_EXIT(run_program("pctest", [] { return NeedsMemoryToGo(), Exit::ok; }), limit, "^pctest: out of memory\n$");
  EXPECT_EXIT(run_program("pctest",
                          [] {
                            const NeedsMemoryToGo one;
                            throw std::bad_alloc();
                            return Exit::ok;
                          }),
              limit, "^pctest: out of memory\n$");
  EXPECT_EXIT(run_program("pctest",
                          [] {
                            std::thread([] { throw std::bad_alloc(); }).join();
                            return Exit::ok;
                          }),
              limit, "^pctest: out of memory\n$");
}

TEST(Program, OtherBugsAreNoLimit) {
  EXPECT_DEATH(run_program("pctest",
                           [] {
                             std::thread([] { throw 1; }).join();
                             return Exit::ok;
                           }),
               "");
}

}  // namespace
}  // namespace pc::cli
