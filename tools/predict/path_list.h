// A list of paths from a file or standard input, one at a time as they come: a list of a million lines costs no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/base/descriptor.h"

namespace pc::predict {

// An open file or stream; "-" is standard input, which stays open.
class InputFile {
 public:
  explicit InputFile(const std::string& path);  // Error(file) "cannot open PATH: …"
  // Some bytes, at most `size`; 0 at the end. Error(file) naming the path, also for a named pipe that no program opens
  // for writing within two seconds; Error(stopped) while waiting for a pipe or terminal after stop_requested().
  std::size_t read(void* data, std::size_t size);

 private:
  std::string path_;
  Descriptor file_;        // none: standard input
  bool unopened_ = false;  // a named pipe that nobody may have opened for writing
};

class PathList {
 public:
  // `null`: NUL bytes end the paths, not line breaks.
  PathList(const std::string& path, bool null) : name_(path), end_(null ? '\0' : '\n'), input_(path) {}
  // The next path that is not empty; false at the end. Error(data) "LIST:LINE: …" for what cannot be a path; errors of
  // InputFile::read.
  bool next(std::string& path);

 private:
  bool take(std::string& path);

  std::string name_, buffer_;
  char end_;
  InputFile input_;
  std::size_t at_ = 0;
  int64_t line_ = 0;
  bool ended_ = false;
};

}  // namespace pc::predict
