// Directories: made, written as a whole, listed and walked.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

namespace pc {

bool is_folder(const std::filesystem::path& path);  // or a link to one; false where that cannot be found out

// Makes the folder, and those above it, where it is not there. Returns its path. Errors: Error(file) naming path and
// cause.
std::filesystem::path make_folders(const std::filesystem::path& path);

// Makes the folder PATH.tmp.PID, has `fill` write into it, syncs its file system and renames it to PATH, which must not
// exist. When `fill` throws, nothing of it is left. Errors: Error(file) naming path and cause.
void write_folder_atomically(const std::filesystem::path& path,
                             const std::function<void(const std::filesystem::path& temporary)>& fill);

// The paths of a folder's entries, sorted; none where it cannot be read.
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder);

struct WalkRules {
  int max_depth = std::numeric_limits<int>::max();         // of folders that are entered; the root is at 0
  bool follow_links = false;                               // to folders, where only max_depth ends a loop
  std::function<bool(const std::string& name)> skip = {};  // of an entry: neither visited nor entered
};

// A folder that could not be read, or not to its end.
struct WalkProblem {
  std::filesystem::path folder;
  std::error_code error;
};

// Calls visit(file, path below the root, with '/') for each file, and link to one, in the order of the directory. A
// dangling link is not a file. Returns what could not be read: the walk ends at the first problem.
std::vector<WalkProblem> walk_files(
    const std::filesystem::path& root, const WalkRules& rules,
    const std::function<void(const std::filesystem::directory_entry& file, const std::string& below)>& visit);

}  // namespace pc
