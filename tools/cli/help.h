// What --help prints: a line for the use, then the options by group, names in one column and meanings wrapped in the other.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace pc::cli {

// Gives the program and its subcommands this form of help. Lines are as wide as the terminal, 100 columns at most.
void format_help(CLI::App& app);

// What is wrong with a command line, in words that need no knowledge of the library: "unknown option --topk; did you mean --top-k?".
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace pc::cli
