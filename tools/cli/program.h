// The frame of every program: one line for the user on failure, and the documented exit code.
#pragma once

#include <functional>
#include <string>

#include "kernels/base/error.h"

namespace CLI {
class App;
}

namespace pc::cli {

// Runs the body of main() and returns its exit code. An Error becomes "name: message" on stderr and its own code,
// memory that ran out becomes 6, and results that could not be written to stdout (full disk, closed pipe) become 4.
// Anything else is a bug: 1.
int run_program(const char* name, const std::function<Exit()>& body);

// What --version prints: "pctrain 0.1.0, with CUDA".
std::string version_text(const std::string& program);

// Parses the command line, and obeys the options that all programs have: --quiet, --verbose, --color. False when --help, --version or
// --completion was asked for and has been printed to stdout: end with Exit::ok then. Throws Error(usage) if the command line is wrong.
bool parse_command_line(CLI::App& app, int argc, char** argv);

}  // namespace pc::cli
