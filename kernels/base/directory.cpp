#include "kernels/base/directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "kernels/base/descriptor.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/temporary.h"

namespace pc {
namespace {

namespace fs = std::filesystem;
using Visit = std::function<void(const fs::directory_entry&, const std::string&)>;

void walk(const fs::path& folder, const std::string& prefix, int depth, const WalkRules& rules, const Visit& visit,
          std::vector<WalkProblem>& problems) {
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (rules.skip && rules.skip(name)) continue;
    std::error_code unknown;
    const fs::file_status status = it->status(unknown);
    if (unknown) {
      problems.push_back({.path = it->path(), .error = unknown});
    } else if (fs::is_regular_file(status)) {
      visit(*it, prefix + name);
    } else if (fs::is_directory(status) && depth < rules.max_depth &&
               (rules.follow_links || !it->is_symlink(unknown))) {
      walk(it->path(), prefix + name + "/", depth + 1, rules, visit, problems);
    }
  }
  if (error) problems.push_back({.path = folder, .error = error});
}

// Whether all that the old folder holds is in the new one by name.
void check_nothing_lost(const fs::path& old, const fs::path& fresh) {
  if (!is_folder(old)) fail(Exit::file, fmt::format("{} exists already and is not a folder", old.string()));
  std::error_code error;
  fs::recursive_directory_iterator it(old, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error))
    if (!fs::exists(fresh / it->path().lexically_relative(old)))
      fail(Exit::file, fmt::format("{} would be lost; remove it or name another folder", it->path().string()));
  if (error) fail_file("list", old, error.value());
}

// The new folder takes the old one's place at once, where the file system can do that.
void exchange(const fs::path& fresh, const fs::path& old) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, old.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(fresh);  // the old one now
    return;
  }
  if (errno != EINVAL && errno != ENOSYS) fail_file("rename to", old);
  fs::remove_all(old);
  if (::rename(fresh.c_str(), old.c_str()) != 0) fail_file("rename to", old);
}

}  // namespace

std::string WalkProblem::text() const { return fmt::format("cannot read {}: {}", path.string(), error.message()); }

bool is_folder(const fs::path& path) { return fs::is_directory(status_of(path)); }

fs::path make_folders(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> missing;
  for (fs::path at = path; !at.empty() && !fs::exists(at, error); at = at.parent_path()) missing.push_back(at);
  fs::create_directories(path, error);
  if (error) fail(Exit::file, fmt::format("cannot make folder {}: {}", path.string(), error.message()));
  for (const fs::path& made : missing) sync_folder_of(made);
  return path;
}

void write_folder_atomically(const fs::path& path, const std::function<void(const fs::path& temporary)>& fill,
                             bool replace) {
  const bool exists = fs::exists(status_of(path)) || fs::is_symlink(path);
  if (exists && !replace) fail(Exit::file, fmt::format("{} exists already; --force replaces it", path.string()));
  sweep_temporaries_of(path);
  const fs::path temporary = temporary_for(path);
  const Descriptor fd = create_temporary_folder(temporary);
  try {
    fill(temporary);
    if (exists) check_nothing_lost(path, temporary);
    if (::syncfs(fd.get()) != 0) fail_file("write", path);
    if (exists)
      exchange(temporary, path);
    else if (::rename(temporary.c_str(), path.c_str()) != 0)
      fail_file("rename to", path);
  } catch (...) {
    std::error_code stays;
    fs::remove_all(temporary, stays);
    throw;
  }
  sync_folder_of(path);
}

std::vector<fs::path> list_folder(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator(); it.increment(error))
    paths.push_back(it->path());
  if (error && error != std::errc::no_such_file_or_directory) fail_file("list", folder, error.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<WalkProblem> walk_files(const fs::path& root, const WalkRules& rules, const Visit& visit) {
  std::vector<WalkProblem> problems;
  walk(root, "", 0, rules, visit, problems);
  return problems;
}

}  // namespace pc
