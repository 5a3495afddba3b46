// Memory that shows a file and survives the file's end: where a mapped file shrinks, its lost pages read as zeros instead of ending the
// process with SIGBUS.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>

namespace pc {

// One mapping of a whole file, read-only. Not movable: the signal handler knows its address.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // False if the file cannot be mapped, as on some network file systems; read it then.
  bool map(int descriptor, std::size_t bytes);
  std::span<const std::byte> bytes() const { return {data_, bytes_}; }
  bool lost_pages()
      const;  // whether pages that the file no longer has, or that the disk could not read, were replaced by zeros

 private:
  const std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  int slot_ = -1;  // of the handler's table
};

}  // namespace pc
