// pcconvert as a child process.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs.h"

namespace pc::test {

using Result = Outcome;

class Pcconvert : public testing::Test {
 protected:
  // A shell command; PCCONVERT stands for the program.
  Result shell(std::string command) const {
    const std::string name = "PCCONVERT";
    if (const auto at = command.find(name); at != command.npos)
      command.replace(at, name.size(), PC_BIN_DIR "/pcconvert");
    return run_shell(".", command);
  }
  Result run(const std::string& arguments) const { return shell("PCCONVERT " + arguments); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  TemporaryFolder folder_;
};

}  // namespace pc::test
