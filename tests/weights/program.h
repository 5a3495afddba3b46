// pcconvert as a child process.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::test {

struct Result {
  int code;
  std::string out, err;
};

class Pcconvert : public testing::Test {
 protected:
  // A shell command; PCCONVERT stands for the program.
  Result shell(std::string command) const {
    const std::string name = "PCCONVERT";
    if (const auto at = command.find(name); at != command.npos)
      command.replace(at, name.size(), PC_BIN_DIR "/pcconvert");
    const int status = std::system(fmt::format("( {} ) >{} 2>{}", command, path("out"), path("err")).c_str());
    return {WEXITSTATUS(status), read_file(path("out")), read_file(path("err"))};
  }
  Result run(const std::string& arguments) const { return shell("PCCONVERT " + arguments); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  TemporaryFolder folder_;
};

}  // namespace pc::test
