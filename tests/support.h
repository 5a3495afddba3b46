// What tests share: folders of their own, and the shared data where the machine has it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace pc::test {

// The shared data lies beside the checkout; $PC_SHARED names another place. A file may be absent: skip the case then.
inline std::filesystem::path shared_file(const std::string& name) {
  const char* folder = std::getenv("PC_SHARED");
  return (folder ? std::filesystem::path(folder) : std::filesystem::path(PC_SOURCE_DIR) / ".." / "shared") / name;
}

#define PC_NEEDS_SHARED(name) \
  if (!std::filesystem::exists(pc::test::shared_file(name))) GTEST_SKIP() << "shared data absent: " << (name)

// The shadow memory of AddressSanitizer and ThreadSanitizer and their freed blocks are no memory of the program's own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsMeasurable = false;
#else
constexpr bool kMemoryIsMeasurable = true;
#endif

// A fresh folder, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pc_test_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace pc::test
