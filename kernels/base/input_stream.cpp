#include "kernels/base/input_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc {

InputStream::InputStream(const std::filesystem::path& path) : path_(path) {
  if (path == "-") {
    path_ = "standard input";
    return;
  }
  owned_ = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (::fstat(owned_.get(), &info) != 0) fail_file("open", path);
  if (S_ISDIR(info.st_mode)) fail_file("open", path, EISDIR);
  pipe_ = S_ISFIFO(info.st_mode);
  fd_ = owned_.get();
}

std::size_t InputStream::read(void* data, std::size_t bytes) {
  const std::size_t got = read_some(fd_, data, bytes, path_);
  if (got == 0 && pipe_ && !begun_)
    fail(Exit::file, fmt::format("cannot read {}: a pipe that nobody writes to", path_.string()));
  begun_ = true;
  return got;
}

std::string read_stream(const std::filesystem::path& path, uint64_t limit) {
  InputStream stream(path);
  std::string text;
  char part[1 << 16];
  while (const std::size_t got = stream.read(part, sizeof part)) {
    text.append(part, got);
    if (text.size() > limit) fail(Exit::limit, fmt::format("{}: more than {}", path.string(), size_text(limit)));
  }
  return text;
}

}  // namespace pc
