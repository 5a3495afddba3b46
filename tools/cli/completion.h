// Completion of a program's command line in a shell, from the same table of options as its help.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace pc::cli {

// The text that teaches `shell` ("bash", "zsh" or "fish") the program's options, subcommands and the values that an option may have.
std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace pc::cli
