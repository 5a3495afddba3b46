#include "engine/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/runtime/error.h"

namespace pc {
namespace {

[[noreturn]] void fail_file(const char* verb, const std::filesystem::path& path, int error) {
  fail(Exit::file, fmt::format("cannot {} {}: {}", verb, path.string(), std::strerror(error)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void sync_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

void write_all(int fd, const void* data, std::size_t bytes, const std::filesystem::path& path) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd, p, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_file("write", path, errno);
    p += written;
    bytes -= std::size_t(written);
  }
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail_file("open", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) fail_file("open", path, errno);
  if (S_ISDIR(info.st_mode)) fail_file("open", path, EISDIR);
  auto file = std::shared_ptr<MappedFile>(new MappedFile);
  file->path_ = path;
  if (info.st_size > 0) {
    void* map = ::mmap(nullptr, std::size_t(info.st_size), PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (map == MAP_FAILED) fail_file("map", path, errno);
    file->bytes_ = {static_cast<const std::byte*>(map), std::size_t(info.st_size)};
  }
  return file;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::string read_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

void write_file_atomically(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write) {
  // Renaming over /dev/null would replace the device.
  std::error_code unknown;
  if (const auto status = std::filesystem::status(path, unknown); std::filesystem::exists(status) && !is_regular_file(status))
    fail(Exit::file, fmt::format("cannot write {}: not a regular file", path.string()));
  std::filesystem::path temporary = path;
  temporary += fmt::format(".tmp.{}", ::getpid());
  try {
    Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) fail_file("create", temporary, errno);
    write([&](const void* data, std::size_t bytes) { write_all(fd.get(), data, bytes, path); });
    if (::fsync(fd.get()) != 0) fail_file("write", path, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_file("rename to", path, errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(path);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, [&](const FileSink& sink) { sink(text.data(), text.size()); });
}

void rename_synced(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Descriptor fd(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail_file("open", from, errno);
  if (::fsync(fd.get()) != 0) fail_file("write", from, errno);
  if (::rename(from.c_str(), to.c_str()) != 0) fail_file("rename to", to, errno);
  sync_folder(to);
}

}  // namespace pc
