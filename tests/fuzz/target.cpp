#include "tests/fuzz/target.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kernels/base/error.h"

// Of AddressSanitizer; absent in a build without it.
extern "C" [[gnu::weak]] int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                                         std::size_t),
                                                                       void (*on_free)(const volatile void*));
extern "C" [[gnu::weak]] std::size_t __sanitizer_get_allocated_size(const volatile void*);

namespace pc::fuzz {
namespace {

// The heap as `read` sees it. One thread: the parsers start none.
struct Heap {
  int64_t held = 0, peak = 0;
};
Heap heap;

void watch_heap() {
  if (!__sanitizer_install_malloc_and_free_hooks) return;
  __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, std::size_t bytes) {
        heap.held += int64_t(bytes);
        heap.peak = std::max(heap.peak, heap.held);
      },
      [](const volatile void* block) {
        if (block) heap.held -= int64_t(__sanitizer_get_allocated_size(block));
      });
}

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

[[noreturn]] void report(const char* what, const char* detail) {
  std::fprintf(stderr, "BUG: %s%s\n", what, detail);
  std::abort();
}

}  // namespace

int expect_answer(std::size_t bytes, const std::function<void()>& read) {
  static const bool watching = (watch_heap(), true);
  (void)watching;
  heap = {};
  const double start = cpu_seconds();
  try {
    read();
  } catch (const Error& error) {
    if (error.what()[0] == '\0') report("an error without a message", "");
  } catch (const std::exception& error) {
    report("an exception that is no Error: ", error.what());
  }
  if (heap.peak > int64_t(64u << 20) + 4 * int64_t(bytes))
    report("too much memory: ", (std::to_string(heap.peak >> 20) + " MiB").c_str());
  const double seconds = cpu_seconds() - start;
  if (seconds > 1) report("too slow: ", (std::to_string(seconds) + " s").c_str());
  return 0;
}

void expect(bool holds, const char* promise) {
  if (!holds) report("a broken promise: ", promise);
}

void touch(std::span<const std::byte> bytes) {
  std::byte sum{};
  for (const std::byte b : bytes) sum ^= b;
  [[maybe_unused]] static volatile std::byte seen;
  seen = sum;
}

std::filesystem::path as_file(std::string_view text) {
  static const int fd = ::memfd_create("input", MFD_CLOEXEC);
  if (fd < 0 || ::ftruncate(fd, off_t(text.size())) != 0 ||
      ::pwrite(fd, text.data(), text.size(), 0) != ssize_t(text.size()))
    report("no file in memory", "");
  return "/proc/self/fd/" + std::to_string(fd);
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "pc_fuzz_XXXXXX").string();
  expect(::mkdtemp(name.data()) != nullptr, "a temporary folder");
  path_ = name;
}

}  // namespace pc::fuzz
