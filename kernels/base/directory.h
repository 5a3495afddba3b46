// Directories: made, written as a whole, listed and walked.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

namespace pc {

bool is_folder(const std::filesystem::path& path);  // or a link to one. Errors: as status_of() in file.h

// Makes the folder, and those above it, where it is not there, and syncs those that got a new one. Returns its path. Errors: Error(file)
// naming path and cause.
std::filesystem::path make_folders(const std::filesystem::path& path);

// Makes the folder PATH.tmp.PID, has `fill` write into it, syncs its file system and renames it to PATH. When `fill` throws, nothing of it
// is left. A PATH that exists is refused or, with `replace`, replaced as a whole, unless it holds something of a name that the new one
// lacks. Errors: Error(file) naming path and cause.
void write_folder_atomically(const std::filesystem::path& path,
                             const std::function<void(const std::filesystem::path& temporary)>& fill,
                             bool replace = false);

// The paths of a folder's entries, sorted; none if there is no such folder. Error(file) "cannot list PATH: Permission denied".
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder);

struct WalkRules {
  int max_depth = std::numeric_limits<int>::max();         // of folders that are entered; the root is at 0
  bool follow_links = false;                               // to folders, where only max_depth ends a loop
  std::function<bool(const std::string& name)> skip = {};  // of an entry: neither visited nor entered
};

// An entry, or the rest of a folder, that could not be read; a dangling link is one too.
struct WalkProblem {
  std::filesystem::path path;
  std::error_code error;
  std::string text() const;  // "cannot read PATH: Permission denied"
};

// Calls visit(file, path below the root, with '/') for each file, and link to one, in the order of the directory. What cannot be read is
// returned, every problem once, and never keeps the walk from the other entries; whoever walks says so to the user.
[[nodiscard]] std::vector<WalkProblem> walk_files(
    const std::filesystem::path& root, const WalkRules& rules,
    const std::function<void(const std::filesystem::directory_entry& file, const std::string& below)>& visit);

}  // namespace pc
