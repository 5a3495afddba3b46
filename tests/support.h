// What tests share: folders of their own, and the shared data where the machine has it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "kernels/base/error.h"

namespace pc::test {

// EXPECT_HAS(text, part): the part stands in the text; both are printed where it does not.
struct Has {
  bool operator()(std::string_view text, const auto& part) const { return text.find(part) != text.npos; }
};
struct Lacks {
  bool operator()(std::string_view text, const auto& part) const { return text.find(part) == text.npos; }
};
#define EXPECT_HAS(text, part) EXPECT_PRED2(pc::test::Has(), text, part)
#define EXPECT_LACKS(text, part) EXPECT_PRED2(pc::test::Lacks(), text, part)

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

// What f fails with, as "code: message"; "nothing" where it does not fail.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return std::to_string(int(error.code())) + ": " + error.what();
  }
  return "nothing";
}

// The message of an Error with this code; "" where nothing fails.
template <class F>
std::string refusal(F&& f, Exit code = Exit::data) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "";
}

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

// Writes a file, and makes its folder.
inline void write_text(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace pc::test
