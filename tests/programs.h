// The real programs run as children, with what they printed and how much memory they took; and what a folder holds.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::test {

struct Outcome {
  int code = -1;  // exit code; 128 + signal where one ended the program
  std::string out = {}, err = {};
  int64_t peak_kib = 0;                        // of its resident memory, mapped files included
  std::vector<nlohmann::json> lines() const {  // of out, one object each
    std::vector<nlohmann::json> all;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
};

using Environment = std::map<std::string, std::string>;

// Starts BIN/program (or one with a path of its own) in `folder`, its output going to the files out and err of `prints`.
// With an environment it gets that, and PATH.
inline pid_t start(const std::filesystem::path& prints, const std::filesystem::path& folder, const std::string& program,
                   const std::vector<std::string>& arguments, const Environment* environment = nullptr) {
  std::vector<std::string> words{std::filesystem::path(PC_BIN_DIR) / program}, variables{"PATH=/usr/bin:/bin"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (environment)
    for (const auto& [name, value] : *environment) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  const auto argv = pointers(words), envp = pointers(variables);
  const std::string out = prints / "out", err = prints / "err";
  for (const std::string& file : {out, err}) write_text(file, "");  // a child that is killed at once makes none
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
  if (::chdir(folder.c_str()) == 0) ::execve(argv[0], argv.data(), environment ? envp.data() : environ);
  ::_exit(127);
}

inline Outcome wait_for(pid_t child, const std::filesystem::path& prints) {
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_file(prints / "out"),
          .err = read_file(prints / "err"),
          .peak_kib = usage.ru_maxrss};
}

// Whether it ended with this code, and said this on stderr.
inline testing::AssertionResult ended(const Outcome& outcome, int code, std::string_view said) {
  if (outcome.code == code && Has()(outcome.err, said)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "exit code " << outcome.code << ", wanted " << code << "; it said\n"
                                     << outcome.err << "wanted " << said;
}

inline Outcome run(const std::filesystem::path& folder, const std::string& program,
                   const std::vector<std::string>& arguments) {
  const TemporaryFolder prints;
  return wait_for(start(prints.path(), folder, program, arguments), prints.path());
}

// A shell command.
inline Outcome run_shell(const std::filesystem::path& folder, const std::string& command) {
  return run(folder, "/bin/sh", {"-c", command});
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
