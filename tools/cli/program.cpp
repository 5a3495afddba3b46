#include "tools/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include "kernels/base/logger.h"

namespace pc {
namespace {

// One line, whatever a file brought into the message: no control character reaches the terminal. stderr may be full or
// closed as well; there is nobody left to tell then.
int complain(const char* name, Exit code, const std::string& message) {
  Logger(name).line(message);
  return int(code);
}

}  // namespace

int run_program(const char* name, const std::function<Exit()>& body) {
  constexpr int bug = 1;
  try {
    errno = 0;
    const Exit code = body();
    std::cout.flush();
    if (std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout.good()) return int(code);
  } catch (const Error& error) {
    std::fflush(stdout);
    return complain(name, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return complain(name, Exit::limit, "out of memory");
  } catch (const std::exception& error) {
    // fmt::print throws when stdout cannot take its text.
    if (!std::ferror(stdout)) {
      std::fprintf(stderr, "%s: internal error: %s\n", name, error.what());
      return bug;
    }
  }
  const int cause = errno;
  return complain(name, Exit::file, fmt::format("cannot write standard output: {}", std::strerror(cause)));
}

std::string version_text(const std::string& program) {
  return fmt::format("{} {}, {} CUDA", program, PC_VERSION, PC_HAVE_CUDA ? "with" : "without");
}

bool parse_command_line(CLI::App& app, int argc, char** argv) {
  app.set_version_flag("--version", version_text(app.get_name()));
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) fail(Exit::usage, fmt::format("{}; see --help", error.what()));
    app.exit(error);
    return false;
  }
}

}  // namespace pc
