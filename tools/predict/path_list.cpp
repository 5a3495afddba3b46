#include "tools/predict/path_list.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "kernels/base/error.h"
#include "tools/cli/stop.h"

namespace pc::predict {

// Without waiting for the other end of a pipe: that could take for ever.
InputFile::InputFile(const std::string& path) : path_(path) {
  if (path == "-") return;
  file_ = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat facts {};
  struct statfs system {};
  constexpr decltype(system.f_type) kUnnamedPipes = 0x50495045;  // PIPEFS_MAGIC: as a shell's <(COMMAND) makes them
  unopened_ = ::fstat(file_.get(), &facts) == 0 && S_ISFIFO(facts.st_mode) && ::fstatfs(file_.get(), &system) == 0 &&
              system.f_type != kUnnamedPipes;
}

// A signal may reach another thread than the one that waits here, so the wait is cut into pieces.
std::size_t InputFile::read(void* data, std::size_t size) {
  constexpr int kMilliseconds = 100, kMostWaits = 20;
  const int fd = file_ ? file_.get() : STDIN_FILENO;
  for (int waits = 0;;) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    const int n = ::poll(&ready, 1, kMilliseconds);
    if (n <= 0 && cli::stop_requested()) fail(Exit::stopped, path_ + ": stopped while waiting for it");
    if (n <= 0 && !unopened_) continue;
    const ssize_t got = ::read(fd, data, size);
    const bool nobody = got == 0 && unopened_ && !(ready.revents & POLLHUP);
    if (nobody && ++waits == kMostWaits)
      fail(Exit::file, fmt::format("cannot read {}: a pipe that nobody writes to", path_));
    if (nobody) continue;
    unopened_ = false;
    if (got >= 0) return std::size_t(got);
    if (errno != EINTR && errno != EAGAIN) fail_file("read", path_);
  }
}

bool PathList::take(std::string& path) {
  constexpr std::size_t kLongest = 1 << 16, kStep = 1 << 16;
  std::size_t end;
  while ((end = buffer_.find(end_, at_)) == buffer_.npos && !ended_) {
    if (buffer_.size() - at_ > kLongest)
      fail(Exit::data, fmt::format("{}:{}: more than {} bytes; is this a list of paths?", name_, line_ + 1, kLongest));
    buffer_.erase(0, std::exchange(at_, 0));
    const std::size_t have = buffer_.size();
    buffer_.resize(have + kStep);
    const std::size_t got = input_.read(buffer_.data() + have, kStep);
    buffer_.resize(have + got);
    ended_ = got == 0;
  }
  if (end == buffer_.npos && at_ == buffer_.size()) return false;
  end = std::min(end, buffer_.size());
  path = buffer_.substr(at_, end - at_);
  at_ = std::min(end + 1, buffer_.size());
  ++line_;
  return true;
}

bool PathList::next(std::string& path) {
  do {
    if (!take(path)) return false;
    if (end_ == '\n' && path.ends_with('\r')) path.pop_back();
  } while (path.empty());
  if (path.find('\0') != path.npos)
    fail(Exit::data,
         fmt::format("{}:{}: a NUL byte in a path; --null reads lists that have them between paths", name_, line_));
  return true;
}

}  // namespace pc::predict
