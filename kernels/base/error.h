// The one exception of the house: a line for the user and the exit code it ends the program with.
#pragma once

#include <stdexcept>
#include <string>

namespace pc {

// Exit codes of every program, documented in tools/docs/reference/cli.md.
enum class Exit : int {
  ok = 0,
  usage = 2,    // command line or config file
  data = 3,     // bad input data: a picture, a CSV row, a weight file
  file = 4,     // file or disk
  network = 5,  // download
  limit = 6,    // memory or a safety limit
  numeric = 7,  // a loss or gradient that is not finite
  peer = 8,     // another process of a distributed run
  stopped = 75  // stopped by a signal, run again to resume
};

class Error : public std::runtime_error {
 public:
  Error(Exit code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

// Throws Error. The message names the thing, the place and the way out: "styles.csv:1047: 11 fields, expected 10".
[[noreturn]] void fail(Exit code, const std::string& message);

// Programming errors and broken shapes: throws std::logic_error("conv2d: x has 3 channels, w expects 64").
[[noreturn]] void fail_shape(const std::string& message);

}  // namespace pc
