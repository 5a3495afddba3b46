// Files that are either complete or absent: mapped reading, and writing to a temporary that is synced and renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pc {

// A file mapped read-only. Errors: Error(file) "cannot open PATH: No such file or directory".
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

std::string read_file(const std::filesystem::path& path);

// Whether a file, or a link to one, is there; false where that cannot be found out.
bool is_file(const std::filesystem::path& path);

// "FILE: truncated: 579 KB of 46.8 MB; download it again"
std::string truncated(const std::string& file, uint64_t bytes, uint64_t expected);

// Receives the bytes of a file being written.
using FileSink = std::function<void(const void* data, std::size_t bytes)>;

// Writes PATH.tmp.PID in the same folder, fsyncs it, renames it over PATH and fsyncs the folder. When `write` throws or the disk
// is full, the temporary is removed and an older PATH stays as it was. Errors: Error(file) naming path and cause; a PATH that is a
// device, pipe or folder is refused.
void write_file_atomically(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

// A file of a folder that is being written: made anew, not synced by itself. Errors: Error(file), also where PATH
// exists.
void create_file(const std::filesystem::path& path, const std::function<void(const FileSink&)>& write);

// Adds to the end of the file, which is made where it is not there; not synced. Error(file) "cannot write PATH: …".
void append_to_file(const std::filesystem::path& path, std::string_view text);

// For a file that grew under another name: syncs FROM, renames it over TO and syncs the folder. Errors: Error(file).
void rename_synced(const std::filesystem::path& from, const std::filesystem::path& to);

// Syncs the folder that PATH lies in, so that a rename there lasts.
void sync_folder_of(const std::filesystem::path& path);

}  // namespace pc
