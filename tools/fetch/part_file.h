// FILE.part, the bytes received so far, and FILE.part.json, what they are a part of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "kernels/base/descriptor.h"

namespace pc {

struct PartState {
  std::string url, etag, last_modified;
  int64_t total = -1;  // bytes of the whole file; -1: unknown
};

// Errors: Error(file) naming the path. What was appended is in the file, so a process that is killed loses nothing.
class PartFile {
 public:
  // Takes up what an earlier process left; bytes whose .part.json is missing, damaged or of another url are dropped.
  PartFile(const std::filesystem::path& file, const std::string& url);
  ~PartFile();  // removes both where nothing has arrived

  const std::filesystem::path& path() const { return path_; }
  const PartState& state() const { return state_; }
  int64_t size() const { return size_; }
  // What If-Range needs to ask for the rest: the strong ETag, else the date. Empty: the rest cannot be asked for.
  std::string validator() const;

  void restart(const PartState& state);  // drops all bytes
  void append(const char* data, std::size_t bytes);
  void set_total(int64_t bytes) { state_.total = bytes; }
  void finish();  // syncs and gives the file its final name

 private:
  std::filesystem::path state_path() const;
  Descriptor descriptor_;
  std::filesystem::path final_, path_;
  PartState state_;
  int64_t size_ = 0;
};

}  // namespace pc
