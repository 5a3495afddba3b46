// Files that are either complete or absent: mapped reading, and writing to a temporary that is synced and renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernels/base/descriptor.h"
#include "kernels/base/mapping.h"

namespace pc {

// What the path names, links followed; not_found if there is nothing. Error(file) "cannot look at PATH: Permission denied" if that cannot
// be found out: what is hidden by an error is not absent.
std::filesystem::file_status status_of(const std::filesystem::path& path);
bool path_exists(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);

// A regular file's bytes, read-only; `open` maps them, `read` has them in memory. A mapped file that others shorten or overwrite shows other
// bytes, zeros or a mix of both: whoever takes values out of it calls check_unchanged() after that, and what must outlive the file is read.
// Errors: Error(file) "cannot open PATH: No such file or directory", and those of open_regular().
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);  // read if it cannot be mapped
  static std::shared_ptr<const MappedFile> read(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

  // Error(file) "PATH changed while it was read; …" if the file has another size or time of change than when it was opened, or lost
  // pages. Costs one fstat(2).
  void check_unchanged() const;

 private:
  explicit MappedFile(const std::filesystem::path& path);
  void read_all();

  std::filesystem::path path_;
  Descriptor descriptor_;
  struct Stamp {
    int64_t bytes, seconds, nanoseconds;
    bool operator==(const Stamp&) const = default;
  };
  Stamp stamp() const;
  Stamp opened_;
  Mapping mapping_;
  std::unique_ptr<std::byte[]> copy_;
  std::span<const std::byte> bytes_;
};

// The same as text, checked not to have changed meanwhile.
std::string read_file(const std::filesystem::path& path);

// "FILE: truncated: 579 KB of 46.8 MB; download it again"
std::string truncated(const std::string& file, uint64_t bytes, uint64_t expected);

// Receives the bytes of a file being written.
using FileSink = std::function<void(const void* data, std::size_t bytes)>;

// Writes PATH.tmp.PID in the same folder, fsyncs it, renames it over PATH and fsyncs the folder; what a process that died left of an earlier
// attempt is removed. When `write` throws or the disk is full, the temporary is removed and an older PATH stays as it was. Errors:
// Error(file) naming path and cause; a PATH that is a device, pipe or folder is refused.
void write_file_atomically(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

// A file of a folder that is being written: made anew, not synced by itself. Errors: Error(file), also where PATH
// exists.
void create_file(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write);

// Adds to the end of the file, which is made where it is not there; not synced. Error(file) "cannot write PATH: …".
void append_to_file(const std::filesystem::path& path, std::string_view text);

// For a file that grew under another name: syncs FROM, renames it over TO and syncs the folder. Errors: Error(file).
void rename_synced(const std::filesystem::path& from, const std::filesystem::path& to);

// Syncs the folder that PATH lies in, so that its name lasts. Error(file) if the disk reports one; a file system that cannot sync
// folders is none.
void sync_folder_of(const std::filesystem::path& path);

}  // namespace pc
