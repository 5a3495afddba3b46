// What the fuzz targets share: Error is a fine answer to any input, everything else is a bug.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

// Every target defines it; libFuzzer and replay.cpp call it. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);

namespace pc::fuzz {

// Runs `read` on an input of that many bytes. Aborts where it throws anything but Error, holds more than 64 MB + 4 *
// bytes on the heap at once (AddressSanitizer counts; without it nobody does), or takes more than a second of CPU time.
// Always 0.
int expect_answer(std::size_t bytes, const std::function<void()>& read);

// Aborts with `promise` where it does not hold: what the parser let through is not what its header says.
void expect(bool holds, const char* promise);

inline std::string_view as_text(const uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Reads every byte, so that AddressSanitizer sees a view that leaves its memory.
void touch(std::span<const std::byte> bytes);

// A file in memory with this text, for parsers that take a path. The path holds until the next call.
std::filesystem::path as_file(std::string_view text);

// A folder for the whole process.
class Folder {
 public:
  Folder();
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace pc::fuzz
