// Lines on standard error while a program works. None of them ends the work that it is about: a full disk, a closed pipe or a reader that
// does not read costs lines, never the program.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace pc {

// The text as it is. It waits a moment for a slow reader, then drops the text. False if it was dropped.
bool write_stderr(std::string_view text) noexcept;

// A line; control characters become "?". From any thread. After lines that were dropped the next one says how many.
void note_line(std::string_view line) noexcept;

// note("data: {} to train", n)
template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    note_line(fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {  // no memory for it
  }
}

// "pcserve: TEXT"
class Logger {
 public:
  constexpr explicit Logger(const char* program) : program_(program) {}
  void line(std::string_view text) const noexcept { note("{}: {}", program_, text); }

 private:
  const char* program_;
};

}  // namespace pc
