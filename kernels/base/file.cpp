#include "kernels/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "kernels/base/bytes.h"
#include "kernels/base/descriptor.h"
#include "kernels/base/error.h"
#include "kernels/base/temporary.h"
#include "kernels/base/text.h"

namespace pc {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor fd = open_file(path, O_RDONLY);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) fail_file("open", path);
  if (S_ISDIR(info.st_mode)) fail_file("open", path, EISDIR);
  auto file = std::shared_ptr<MappedFile>(new MappedFile);
  file->path_ = path;
  if (info.st_size > 0) {
    void* map = ::mmap(nullptr, std::size_t(info.st_size), PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (map == MAP_FAILED) fail_file("map", path);
    file->bytes_ = {static_cast<const std::byte*>(map), std::size_t(info.st_size)};
  }
  return file;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::string read_file(const std::filesystem::path& path) {
  return std::string(as_text(MappedFile::open(path)->bytes()));
}

bool is_file(const std::filesystem::path& path) {
  std::error_code unknown;
  return std::filesystem::is_regular_file(path, unknown);
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
    const Descriptor fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "create");
    write([&](const void* data, std::size_t bytes) { write_all(fd, data, bytes, path); });
    if (::fsync(fd.get()) != 0) fail_file("write", path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_file("rename to", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder_of(path);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, [&](const FileSink& sink) { sink(text.data(), text.size()); });
}

void create_file(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write) {
  const Descriptor fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "create");
  write([&](const void* data, std::size_t bytes) { write_all(fd, data, bytes, path); });
}

void append_to_file(const std::filesystem::path& path, std::string_view text) {
  write_all(open_file(path, O_WRONLY | O_CREAT | O_APPEND, "write"), text.data(), text.size(), path);
}

void rename_synced(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Descriptor fd = open_file(from, O_RDONLY);
  if (::fsync(fd.get()) != 0) fail_file("write", from);
  if (::rename(from.c_str(), to.c_str()) != 0) fail_file("rename to", to);
  sync_folder_of(to);
}

void sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) ::fsync(fd.get());
}

}  // namespace pc
