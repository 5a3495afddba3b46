// Lines on standard error while a program works. None of them ends the work that it is about: a full disk, a closed pipe or a reader that
// does not read costs lines, never the program.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace pc {

// The text as it is. It waits a moment for a slow reader, then drops the text. False if it was dropped.
bool write_stderr(std::string_view text) noexcept;

// quiet: no notes. verbose: each begins with the seconds since the program began.
enum class Verbosity { quiet, normal, verbose };
void set_verbosity(Verbosity verbosity) noexcept;
Verbosity verbosity() noexcept;

// A note: what the work does. Control characters become "?". From any thread. After lines that were dropped the next one says how many.
void note_line(std::string_view line) noexcept;
// A line on what went wrong or is left out: written to a quiet program's stderr too.
void warn_line(std::string_view line) noexcept;

// note("data: {} to train", n)
template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    note_line(fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {  // no memory for it
  }
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    warn_line(fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {  // no memory for it
  }
}

// Warnings "pcserve: TEXT"
class Logger {
 public:
  constexpr explicit Logger(const char* program) : program_(program) {}
  void line(std::string_view text) const noexcept { warn("{}: {}", program_, text); }

 private:
  const char* program_;
};

}  // namespace pc
