#include "tools/cli/output_file.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc::cli {
namespace {

// ".csv, .jsonl or .txt"
std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

void check_suffix(const std::filesystem::path& path, const std::vector<std::string>& suffixes) {
  const std::string suffix = path.extension().string();
  const auto same = [&](const std::string& known) { return equal_ignoring_case(known, suffix); };
  if (suffixes.empty() || std::any_of(suffixes.begin(), suffixes.end(), same)) return;
  const std::string why =
      suffix.empty() ? "no suffix says what to write" : fmt::format("cannot write {} files", suffix);
  fail(Exit::usage, fmt::format("{}: {}; name it {}", path.string(), why, alternatives(suffixes)));
}

}  // namespace

void check_output(const std::filesystem::path& path, const std::vector<std::string>& suffixes, bool force) {
  const auto status = status_of(path);
  if (std::filesystem::exists(status) && !is_regular_file(status) && !is_directory(status))
    return;  // a device or a pipe
  check_suffix(path, suffixes);
  if (is_directory(status)) fail(Exit::file, fmt::format("cannot write {}: it is a folder", path.string()));
  if (const auto folder = path.parent_path(); !folder.empty() && !is_folder(folder))
    fail(Exit::file, fmt::format("cannot write {0}: there is no folder {1}; mkdir -p {1} makes it", path.string(),
                                 folder.string()));
  if (std::filesystem::exists(status) && !force)
    fail(Exit::file, fmt::format("{} exists already; --force replaces it", path.string()));
}

void add_force(CLI::App& app, bool& force) { app.add_flag("--force", force, "Replace output files that exist"); }

}  // namespace pc::cli
