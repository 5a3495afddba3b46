// What the kernel sees of a conversion: after start-up one file is mapped and one is written, nothing else is opened but its folder,
// no program is started, no network is touched.
#include <set>
#include <sstream>

#include "kernels/base/sha256.h"
#include "tests/weights/program.h"

namespace pc::weights {
namespace {

using namespace test;

const std::string golden = PC_SOURCE_DIR "/tests/weights/golden/";

// The lines of strace from the opening of `first` on, without the process ids.
std::vector<std::string> calls_from(const std::string& log, const std::string& first) {
  std::vector<std::string> calls;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of("0123456789 "));
    if (!calls.empty() || line.starts_with("openat(AT_FDCWD, \"" + first + "\", O_RDONLY")) calls.push_back(line);
  }
  return calls;
}

// The quoted text of a call: "" where there is none.
std::string path_of(const std::string& call) {
  const auto begin = call.find('"');
  return begin == call.npos ? "" : call.substr(begin + 1, call.find('"', begin + 1) - begin - 1);
}

class Syscalls : public Pcconvert {
 protected:
  std::vector<std::string> trace(const std::string& in, const std::string& out) {
    const Result r = shell(fmt::format("strace -f -o {} PCCONVERT {} {}", path("log"), in, out));
    code_ = r.code;
    return calls_from(std::filesystem::exists(path("log")) ? read_file(path("log")) : "", in);
  }
  // Whether strace can watch a child here; containers may forbid it.
  bool strace_works() const { return shell("strace -o /dev/null true").code == 0 && std::string(PC_PRESET) != "asan"; }
  int code_ = -1;
};

void expect_only_files(const std::vector<std::string>& calls, const std::set<std::string>& files) {
  // Of memory, of open files (poll: whether standard error takes a line), of the signal of a mapped file that shrinks, and
  // of threads that end.
  const std::set<std::string> plain{"mmap",  "munmap", "mprotect", "madvise",    "brk",          "read",      "pread64",
                                    "write", "fsync",  "close",    "fstat",      "lseek",        "fcntl",     "flock",
                                    "poll",  "getpid", "futex",    "getdents64", "rt_sigaction", "exit_group"};
  const std::set<std::string> named{"openat", "newfstatat", "readlink", "rename", "unlink"};
  for (const std::string& call : calls) {
    if (call.starts_with("+++ exited")) continue;
    const std::string name = call.substr(0, call.find('('));
    if (named.contains(name))
      EXPECT_TRUE(path_of(call).empty() || files.contains(path_of(call))) << call;
    else
      EXPECT_TRUE(plain.contains(name)) << call;
  }
}

std::size_t count(const std::vector<std::string>& calls, const std::string& start) {
  return std::size_t(std::count_if(calls.begin(), calls.end(), [&](const auto& c) { return c.starts_with(start); }));
}

TEST_F(Syscalls, ConversionTouchesTwoFiles) {
  if (!strace_works()) GTEST_SKIP() << "not allowed here: strace cannot trace";
  const std::string bytes = read_file(golden + "plain.pth"), out = path("out.safetensors");
  const std::string hash = sha256_hex(std::as_bytes(std::span(bytes.data(), bytes.size()))).substr(0, 8);
  const std::string in = path("net-" + hash + ".pth");  // with the hash, so that libcrypto works too
  write_file_atomically(in, bytes);
  const auto calls = trace(in, out);
  ASSERT_EQ(code_, 0);
  ASSERT_FALSE(calls.empty());
  std::string temporary;
  for (const std::string& call : calls)
    if (call.find("O_CREAT") != call.npos) temporary = path_of(call);
  EXPECT_TRUE(temporary.starts_with(out + ".tmp.")) << temporary;
  expect_only_files(calls, {in, out, temporary, folder_.path().string()});
  EXPECT_EQ(count(calls, fmt::format("openat(AT_FDCWD, \"{}\", O_WRONLY|O_CREAT", temporary)), 1u);
  EXPECT_EQ(count(calls, fmt::format("rename(\"{}\", \"{}\")", temporary, out)), 1u);
  EXPECT_EQ(count(calls, "fsync("), 2u);   // the file and its folder
  EXPECT_EQ(count(calls, "openat("), 4u);  // the input, the folder to sweep and to sync, the temporary
}

TEST_F(Syscalls, RefusedPickleTouchesOneFile) {
  if (!strace_works()) GTEST_SKIP() << "not allowed here: strace cannot trace";
  const std::string in = golden + "whole_model.pth";
  const auto calls = trace(in, path("out.safetensors"));
  EXPECT_EQ(code_, 3);
  ASSERT_FALSE(calls.empty());
  expect_only_files(calls, {in});
  EXPECT_EQ(count(calls, "openat("), 1u);
}

}  // namespace
}  // namespace pc::weights
