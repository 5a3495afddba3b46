#include "kernels/base/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "kernels/base/error.h"
#include "kernels/base/nearest.h"

namespace pc {
namespace {

// The call again, as often as a signal interrupted it.
template <class Call>
auto uninterrupted(Call call) {
  for (;;)
    if (const auto result = call(); result >= 0 || errno != EINTR) return result;
}

// Until a descriptor that does not block is ready. False if it is no such descriptor (a file whose error is EAGAIN).
bool await(int fd, short events) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_NONBLOCK) == 0) return errno = EAGAIN, false;
  pollfd poll{.fd = fd, .events = events, .revents = 0};
  return uninterrupted([&] { return ::poll(&poll, 1, -1); }) > 0;
}

const char* kind_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

// Where a path that leads nowhere was looked for.
std::string looked_for(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::filesystem::path folder = path.parent_path(), here = std::filesystem::current_path(ignored);
  const bool relative = path.is_relative() && !here.empty();
  if (!folder.empty() && !std::filesystem::exists(folder, ignored))
    return fmt::format("; there is no folder {}{}", folder.string(), relative ? " in " + here.string() : "");
  const std::string nearest = nearest_path(path);
  return (relative ? "; it is looked for in " + (folder.empty() ? here : here / folder).string() : "") +
         (nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  const Descriptor before(std::exchange(fd_, std::exchange(other.fd_, -1)));
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

void fail_file(const char* verb, const std::filesystem::path& path, int error) {
  fail(Exit::file, fmt::format("cannot {} {}: {}", verb, path.string(), std::strerror(error)) +
                       (error == ENOENT ? looked_for(path) : ""));
}

Descriptor open_file(const std::filesystem::path& path, int flags, const char* verb) {
  Descriptor fd(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); }));
  if (!fd) fail_file(verb, path);
  return fd;
}

Descriptor open_regular(const std::filesystem::path& path) {
  Descriptor fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);  // a pipe without a writer does not block
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) fail_file("open", path);
  if (S_ISDIR(info.st_mode)) fail_file("open", path, EISDIR);
  if (!S_ISREG(info.st_mode))
    fail(Exit::file, fmt::format("cannot open {}: it is {}, not a file", path.string(), kind_of(info.st_mode)));
  return fd;
}

std::size_t read_some(int fd, void* data, std::size_t bytes, const std::filesystem::path& path) {
  for (;;) {
    const ssize_t got = uninterrupted([&] { return ::read(fd, data, bytes); });
    if (got >= 0) return std::size_t(got);
    if (errno != EAGAIN || !await(fd, POLLIN)) fail_file("read", path);
  }
}

std::size_t write_some(const Descriptor& fd, const void* data, std::size_t bytes, const std::filesystem::path& path) {
  for (;;) {
    const ssize_t written = uninterrupted([&] { return ::write(fd.get(), data, bytes); });
    if (written >= 0) return std::size_t(written);
    if (errno != EAGAIN || !await(fd.get(), POLLOUT)) fail_file("write", path);
  }
}

void write_all(const Descriptor& fd, const void* data, std::size_t bytes, const std::filesystem::path& path) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const std::size_t written = write_some(fd, p, bytes, path);
    p += written;
    bytes -= written;
  }
}

void sync(const Descriptor& fd, const std::filesystem::path& path) {
  if (uninterrupted([&] { return ::fsync(fd.get()); }) != 0) fail_file("write", path);
}

void close_written(Descriptor fd, const std::filesystem::path& path) {
  if (::close(fd.release()) != 0 && errno != EINTR) fail_file("write", path);  // EINTR: Linux has closed it
}

}  // namespace pc
