// A tree of files, a folder or a zip archive, read entry by entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/file_names.h"

namespace pc::data {

class FileTree {
 public:
  struct Entry {
    std::string path;    // below the root, with '/'
    uint64_t size = 0;   // bytes, unpacked
    uint64_t mark = 0;   // CRC-32 (zip) or time of the last change (folder)
    uint64_t place = 0;  // index in the archive
  };
  virtual ~FileTree() = default;
  const std::vector<Entry>& entries() const { return entries_; }  // by path; without folders and junk
  const std::string& name() const { return name_; }               // of the root, for messages
  // Files that are there and cannot be looked at, each with the cause; they are not among the entries.
  const std::vector<std::string>& problems() const { return problems_; }
  // The bytes of one entry. Any number of threads. Errors: Error(data) for an entry that is damaged or not of its
  // declared size, Error(file) for one that cannot be read, Error(limit) for one above `limit` bytes.
  virtual std::vector<std::byte> read(const Entry& entry, uint64_t limit) const = 0;

 protected:
  std::vector<Entry> entries_;
  std::vector<std::string> problems_;
  std::string name_;
};

// Error(file) if the root or a folder below it cannot be read, or none of the files in a folder; Error(data) if a file is not a zip archive, or is one that list_archive
// (data/archive.h) refuses.
std::shared_ptr<const FileTree> open_tree(const std::filesystem::path& root);

}  // namespace pc::data
