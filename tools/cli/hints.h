// Options that other programs have and this one has not: what to type here instead.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pc::cli {

struct Hint {
  std::string options;  // "--resume", "-o,--output"; no help lists them
  std::string instead;  // "the same command resumes a run"
};

// Each is refused with Error(usage) "unknown option --resume; the same command resumes a run; see --help". It may come with a value.
void add_hints(CLI::App& app, const std::vector<Hint>& hints);

}  // namespace pc::cli
