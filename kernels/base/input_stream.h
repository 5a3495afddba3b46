// What is read from its beginning to its end and may be a stream: standard input, a pipe of the shell, a device, a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "kernels/base/descriptor.h"

namespace pc {

class InputStream {
 public:
  // "-" is standard input. A folder or socket: Error(file) "cannot open PATH: Is a directory".
  explicit InputStream(const std::filesystem::path& path);

  // Some of the bytes, waiting for them while somebody may still write; 0 at the end. A named pipe that nobody has open for writing has
  // no end that one could wait for: Error(file) "cannot read PATH: a pipe that nobody writes to".
  std::size_t read(void* data, std::size_t bytes);

 private:
  std::filesystem::path path_;
  Descriptor owned_;
  int fd_ = 0;
  bool begun_ = false, pipe_ = false;
};

// All of it. A stream may have no end: more than `limit` bytes are Error(limit) "PATH: more than 67.1 MB".
std::string read_stream(const std::filesystem::path& path, uint64_t limit = 64 << 20);

}  // namespace pc
