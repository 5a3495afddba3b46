#include "kernels/base/thread.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "kernels/base/error.h"

namespace pc {

std::thread start_thread(std::function<void()> f) {
  try {
    return std::thread(std::move(f));
  } catch (const std::system_error& error) {
    fail(Exit::limit, fmt::format("cannot start a thread: {}; allow more processes (ulimit -u) or memory (ulimit -v)",
                                  error.code().message()));
  }
}

}  // namespace pc
