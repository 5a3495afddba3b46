#include "kernels/base/logger.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <mutex>
#include <string>

#include "kernels/base/text.h"

namespace pc {
namespace {

constexpr int kPatience = 200;  // milliseconds that a slow reader gets

std::mutex one_at_a_time;
long lost_lines = 0;  // since the last one that was written
std::atomic chosen = Verbosity::normal;
const auto start = std::chrono::steady_clock::now();

// False if nobody takes the text. A pipe that poll() calls writable takes PIPE_BUF bytes without blocking.
bool write_in_time(std::string_view text) {
  const int patience = lost_lines > 0 ? 0 : kPatience;
  while (!text.empty()) {
    pollfd poll{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&poll, 1, patience);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || (poll.revents & (POLLERR | POLLNVAL)) != 0) return false;
    const ssize_t bytes = ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (bytes > 0) text.remove_prefix(std::size_t(bytes));
    if (bytes < 0 && errno != EINTR && errno != EAGAIN) return false;
  }
  return true;
}

}  // namespace

bool write_stderr(std::string_view text) noexcept {
  const int before = errno;
  const std::lock_guard lock(one_at_a_time);
  const bool written = write_in_time(text);
  errno = before;
  return written;
}

void set_verbosity(Verbosity verbosity) noexcept { chosen = verbosity; }
Verbosity verbosity() noexcept { return chosen; }

void note_line(std::string_view line) noexcept {
  if (chosen != Verbosity::quiet) warn_line(line);
}

void warn_line(std::string_view line) noexcept {
  const int before = errno;
  try {
    const std::lock_guard lock(one_at_a_time);
    std::string text = lost_lines > 0 ? fmt::format("({} lines before this one were lost)\n", lost_lines) : "";
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (chosen == Verbosity::verbose) text += fmt::format("[{:.3f} s] ", seconds);
    text += visible(line) + "\n";
    lost_lines = write_in_time(text) ? 0 : lost_lines + 1;
  } catch (...) {  // no memory for it
  }
  errno = before;
}

}  // namespace pc
