#include "kernels/base/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "kernels/base/error.h"

namespace pc {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  const Descriptor before(std::exchange(fd_, std::exchange(other.fd_, -1)));
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

void fail_file(const char* verb, const std::filesystem::path& path, int error) {
  fail(Exit::file, fmt::format("cannot {} {}: {}", verb, path.string(), std::strerror(error)));
}

Descriptor open_file(const std::filesystem::path& path, int flags, const char* verb) {
  Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (!fd) fail_file(verb, path);
  return fd;
}

std::size_t write_some(const Descriptor& fd, const void* data, std::size_t bytes, const std::filesystem::path& path) {
  for (;;) {
    const ssize_t written = ::write(fd.get(), data, bytes);
    if (written >= 0) return std::size_t(written);
    if (errno != EINTR) fail_file("write", path);
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

}  // namespace pc
