#include "kernels/base/logger.h"

#include <fmt/format.h>

#include <cstdio>

#include "kernels/base/text.h"

namespace pc {

void Logger::line(std::string_view text) const noexcept {
  try {
    const std::string whole = fmt::format("{}: {}\n", program_, visible(text));
    std::fwrite(whole.data(), 1, whole.size(), stderr);
  } catch (...) {  // no memory for it
  }
}

}  // namespace pc
