// The real programs run as children, with what they printed and how much memory they took; and what a folder holds.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::test {

struct Outcome {
  int code = -1;  // exit code; 128 + signal where one ended the program
  std::string out, err;
  int64_t peak_kib = 0;  // of its resident memory, mapped files included
};

// Starts BIN/program (or one with a path of its own) in `folder`, its output going to files of `prints`.
inline pid_t start(const TemporaryFolder& prints, const std::filesystem::path& folder, const std::string& program,
                   const std::vector<std::string>& arguments) {
  const std::string path = std::filesystem::path(PC_BIN_DIR) / program;
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const std::string out = (prints / "out").string(), err = (prints / "err").string();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0644), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0644), STDERR_FILENO);
  if (::chdir(folder.c_str()) == 0) ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

inline Outcome wait_for(pid_t child, const TemporaryFolder& prints) {
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_file(prints / "out"),
          .err = read_file(prints / "err"),
          .peak_kib = usage.ru_maxrss};
}

inline Outcome run(const std::filesystem::path& folder, const std::string& program,
                   const std::vector<std::string>& arguments) {
  const TemporaryFolder prints;
  return wait_for(start(prints, folder, program, arguments), prints);
}

// Every path below the folder, with '/' behind folders, sorted.
inline std::vector<std::string> listing(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder))
    paths.push_back(e.path().lexically_relative(folder).string() + (e.is_directory() ? "/" : ""));
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace pc::test
