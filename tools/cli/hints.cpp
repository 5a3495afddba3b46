#include "tools/cli/hints.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "kernels/base/error.h"

namespace pc::cli {

void add_hints(CLI::App& app, const std::vector<Hint>& hints) {
  for (const Hint& hint : hints) {
    const std::string text = fmt::format("unknown option {}; {}; see --help", hint.options, hint.instead);
    const CLI::callback_t refuse = [text](const CLI::results_t&) -> bool { fail(Exit::usage, text); };
    app.add_option(hint.options, refuse)->expected(0, 1)->group("");
  }
}

}  // namespace pc::cli
