// pcdoctor: says what the other programs will find on this machine, and what to do where that is not enough.
//
// It must run where they do not: no kernel and no library of NVIDIA's is linked in.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "tools/cli/json.h"
#include "tools/cli/program.h"
#include "tools/doctor/checks.h"

namespace pc::doctor {
namespace {

Exit run(int argc, char** argv) {
  CLI::App app("Check CPU, memory, disk, GPU, libraries and data, and suggest fixes.", "pcdoctor");
  app.footer(
      "Examples:\n  pcdoctor\n  pcdoctor --json\n\nWords: ok; absent: not there, and only needed for what its line "
      "names; warning: works, but not well; problem: the other programs fail.\nExit codes: 0 usable; of the first "
      "problem: 2 build or libraries, 4 "
      "disk, 6 memory.");
  bool json = false;
  app.add_flag("--json", json, "Print one JSON object");
  if (!cli::parse_command_line(app, argc, argv)) return Exit::ok;
  const std::vector<Finding> findings = examine();
  if (json) {
    nlohmann::json told = to_json(findings);
    told["version"] = cli::version_text("pcdoctor");
    fmt::print("{}\n", cli::one_line(told));
  } else {
    fmt::print("{}\n{}", cli::version_text("pcdoctor"), to_text(findings));
  }
  return exit_code(findings);
}

}  // namespace
}  // namespace pc::doctor

int main(int argc, char** argv) {
  return pc::cli::run_program("pcdoctor", [&] { return pc::doctor::run(argc, argv); });
}
