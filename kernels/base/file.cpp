#include "kernels/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
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

std::filesystem::file_status status_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() != std::filesystem::file_type::not_found && error) fail_file("look at", path, error.value());
  return status;
}

bool path_exists(const std::filesystem::path& path) { return std::filesystem::exists(status_of(path)); }
bool is_file(const std::filesystem::path& path) { return std::filesystem::is_regular_file(status_of(path)); }

MappedFile::MappedFile(const std::filesystem::path& path)
    : path_(path), descriptor_(open_regular(path)), opened_(stamp()) {}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const std::shared_ptr<MappedFile> file(new MappedFile(path));
  if (file->opened_.bytes == 0) return file;
  if (file->mapping_.map(file->descriptor_.get(), std::size_t(file->opened_.bytes)))
    file->bytes_ = file->mapping_.bytes();
  else
    file->read_all();
  return file;
}

std::shared_ptr<const MappedFile> MappedFile::read(const std::filesystem::path& path) {
  const std::shared_ptr<MappedFile> file(new MappedFile(path));
  file->read_all();
  file->check_unchanged();
  return file;
}

void MappedFile::read_all() {
  const auto size = std::size_t(opened_.bytes);
  copy_ = std::make_unique_for_overwrite<std::byte[]>(size);
  std::size_t have = 0;
  while (have < size) {
    const std::size_t got = read_some(descriptor_.get(), copy_.get() + have, size - have, path_);
    if (got == 0) break;  // it shrank: check_unchanged() says so
    have += got;
  }
  bytes_ = {copy_.get(), have};
}

MappedFile::Stamp MappedFile::stamp() const {
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0) fail_file("open", path_);
  return {.bytes = info.st_size, .seconds = info.st_mtim.tv_sec, .nanoseconds = info.st_mtim.tv_nsec};
}

void MappedFile::check_unchanged() const {
  if (mapping_.lost_pages() || stamp() != opened_)
    fail(Exit::file, fmt::format("{} changed while it was read; try again when it is complete", path_.string()));
}

std::string read_file(const std::filesystem::path& path) {
  return std::string(as_text(MappedFile::read(path)->bytes()));
}

std::string truncated(const std::string& file, uint64_t bytes, uint64_t expected) {
  std::string have = size_text(bytes), want = size_text(expected);
  if (have == want) have = fmt::format("{} bytes", bytes), want = fmt::format("{} bytes", expected);
  return fmt::format("{}: truncated: {} of {}; download it again", file, have, want);
}

void write_file_atomically(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write) {
  // Renaming over /dev/null would replace the device.
  if (const auto status = status_of(path); std::filesystem::exists(status) && !is_regular_file(status))
    fail(Exit::file, fmt::format("cannot write {}: not a regular file", path.string()));
  sweep_temporaries_of(path);
  const std::filesystem::path temporary = temporary_for(path);
  Descriptor fd = create_temporary(temporary);
  try {
    write([&](const void* data, std::size_t bytes) { write_all(fd, data, bytes, path); });
    sync(fd, path);
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
  Descriptor fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "create");
  write([&](const void* data, std::size_t bytes) { write_all(fd, data, bytes, path); });
  close_written(std::move(fd), path);
}

void append_to_file(const std::filesystem::path& path, std::string_view text) {
  Descriptor fd =
      open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, "write");  // a pipe without a reader is an error
  write_all(fd, text.data(), text.size(), path);
  close_written(std::move(fd), path);
}

void rename_synced(const std::filesystem::path& from, const std::filesystem::path& to) {
  sync(open_regular(from), from);
  if (::rename(from.c_str(), to.c_str()) != 0) fail_file("rename to", to);
  sync_folder_of(to);
}

void sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == EACCES) return;  // a folder that one may write to but not list
  if (!fd) fail_file("open", folder);
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_file("write to", folder);
}

}  // namespace pc
