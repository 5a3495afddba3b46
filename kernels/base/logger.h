// Lines on standard error while a program works: "pcserve: TEXT".
#pragma once

#include <string_view>

namespace pc {

// From any thread. A line that cannot be written is dropped: a log never ends the work that it is about.
class Logger {
 public:
  constexpr explicit Logger(const char* program) : program_(program) {}
  void line(std::string_view text) const noexcept;  // control characters become "?"

 private:
  const char* program_;
};

}  // namespace pc
