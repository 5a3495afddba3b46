// File descriptors: opened, written and closed in one way, with errors that name the path.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <utility>

namespace pc {

// Closes the descriptor that it owns; below 0: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }  // the caller closes it

 private:
  int fd_ = -1;
};

// Error(file) "cannot VERB PATH: No such file or directory".
[[noreturn]] void fail_file(const char* verb, const std::filesystem::path& path, int error = errno);

// open(2) with O_CLOEXEC; files that it makes are 0644. Error(file) "cannot VERB PATH: …".
Descriptor open_file(const std::filesystem::path& path, int flags, const char* verb = "open");

// A regular file, for reading: the way to open what must have a size. It never waits. Error(file) "cannot open PATH: it is a pipe, not a
// file", the same for devices and sockets, "Is a directory". What may be a stream is read with input_stream.h.
Descriptor open_regular(const std::filesystem::path& path);

// Some of the bytes; 0 at the end. Waits if the descriptor has none yet. Error(file) "cannot read PATH: …".
std::size_t read_some(int fd, void* data, std::size_t bytes, const std::filesystem::path& path);

// Some of the bytes, at least one if there are any; how many. Error(file) "cannot write PATH: No space left on device".
std::size_t write_some(const Descriptor& fd, const void* data, std::size_t bytes, const std::filesystem::path& path);
// All of them, however many calls that takes.
void write_all(const Descriptor& fd, const void* data, std::size_t bytes, const std::filesystem::path& path);

// fsync(2). Error(file) "cannot write PATH: Input/output error".
void sync(const Descriptor& fd, const std::filesystem::path& path);

// close(2) of what was written: network file systems report a full disk here. Error(file) "cannot write PATH: …".
void close_written(Descriptor fd, const std::filesystem::path& path);

}  // namespace pc
