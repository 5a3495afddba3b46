#include "kernels/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"

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

std::filesystem::path temporary_for(std::filesystem::path path) {
  path += fmt::format(".tmp.{}", ::getpid());
  return path;
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

std::string truncated(const std::string& file, uint64_t bytes, uint64_t expected) {
  std::string have = size_text(bytes), want = size_text(expected);
  if (have == want) have = fmt::format("{} bytes", bytes), want = fmt::format("{} bytes", expected);
  return fmt::format("{}: truncated: {} of {}; download it again", file, have, want);
}

void write_file_atomically(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write) {
  // Renaming over /dev/null would replace the device.
  std::error_code unknown;
  if (const auto status = std::filesystem::status(path, unknown);
      std::filesystem::exists(status) && !is_regular_file(status))
    fail(Exit::file, fmt::format("cannot write {}: not a regular file", path.string()));
  const std::filesystem::path temporary = temporary_for(path);
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

std::filesystem::path make_folders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail(Exit::file, fmt::format("cannot make folder {}: {}", path.string(), error.message()));
  return path;
}

void create_file(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (fd.get() < 0) fail_file("create", path, errno);
  write([&](const void* data, std::size_t bytes) { write_all(fd.get(), data, bytes, path); });
}

void write_folder_atomically(const std::filesystem::path& path,
                             const std::function<void(const std::filesystem::path& temporary)>& fill) {
  std::error_code unknown;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, unknown)))
    fail(Exit::file, fmt::format("{} exists already; remove it or name another folder", path.string()));
  const std::filesystem::path temporary = temporary_for(path);
  if (::mkdir(temporary.c_str(), 0755) != 0) fail_file("create", temporary, errno);
  try {
    fill(temporary);
    const Descriptor fd(::open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 || ::syncfs(fd.get()) != 0) fail_file("write", path, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_file("rename to", path, errno);
  } catch (...) {
    std::filesystem::remove_all(temporary, unknown);
    throw;
  }
  sync_folder(path);
}

void rename_synced(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Descriptor fd(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail_file("open", from, errno);
  if (::fsync(fd.get()) != 0) fail_file("write", from, errno);
  if (::rename(from.c_str(), to.c_str()) != 0) fail_file("rename to", to, errno);
  sync_folder(to);
}

}  // namespace pc
