// Folders listed once, and zip archives read through one mapping.
#include "data/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "data/archive.h"
#include "data/zip_unpack.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc::data {
namespace {

namespace fs = std::filesystem;

void sort_by_path(std::vector<FileTree::Entry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

// An archive mapped and checked once; entries are read from the mapping, so threads share nothing that changes.
class ZipTree final : public FileTree {
 public:
  explicit ZipTree(const fs::path& path) : file_(MappedFile::open(path)) {
    name_ = path.filename().string();
    records_ = list_archive(file_->bytes(), name_);
    entries_.reserve(records_.size());
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const ZipRecord& r = records_[i];
      if (!is_folder(r) && !is_junk(r.name))
        entries_.push_back({.path = r.name, .size = r.bytes, .mark = r.crc32, .place = i});
    }
    sort_by_path(entries_);
  }

  std::vector<std::byte> read(const Entry& entry, uint64_t limit) const override {
    const std::string where = name_ + ": " + entry.path;
    if (entry.size > limit) fail(Exit::limit, fmt::format("{}: {} bytes, the limit is {}", where, entry.size, limit));
    std::vector<std::byte> bytes;
    bytes.reserve(entry.size);
    try {
      unpack_record(records_[entry.place], where,
                    [&](std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); });
    } catch (const Error&) {
      file_->check_unchanged();  // if it did, the entry is not to blame
      throw;
    }
    file_->check_unchanged();
    return bytes;
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<ZipRecord> records_;
};

class FolderTree final : public FileTree {
 public:
  explicit FolderTree(const fs::path& root) : root_(root) {
    name_ = root.string();
    list();
    sort_by_path(entries_);
  }

  std::vector<std::byte> read(const Entry& entry, uint64_t limit) const override {
    if (entry.size > limit)
      fail(Exit::limit, fmt::format("{}: {} bytes, the limit is {}", entry.path, entry.size, limit));
    const auto file = MappedFile::read(root_ / entry.path);
    file->check_unchanged();
    const auto bytes = file->bytes();
    return {bytes.begin(), bytes.end()};
  }

 private:
  void list() {
    const WalkRules rules{.max_depth = 8, .follow_links = true, .skip = is_junk};
    std::vector<WalkProblem> problems = walk_files(root_, rules, [&](const fs::directory_entry& f, const auto& below) {
      std::error_code no_time, no_size;
      const auto time = f.last_write_time(no_time).time_since_epoch().count();
      const auto size = f.file_size(no_size);
      if (no_time || no_size)
        unread_.push_back({.path = f.path(), .error = no_time ? no_time : no_size});
      else
        entries_.push_back({.path = below, .size = size, .mark = uint64_t(time)});
    });
    problems.insert(problems.end(), unread_.begin(), unread_.end());
    judge(problems);
  }

  // A link to nowhere among files is counted and left out. A folder never is, as a class might go with it, nor a file that another attempt
  // may find: a run would be another one then.
  void judge(const std::vector<WalkProblem>& problems) {
    std::set<fs::path> readable;
    for (const Entry& entry : entries_) readable.insert((root_ / entry.path).parent_path());
    for (const WalkProblem& problem : problems) {
      std::error_code unknown;
      const bool file =
          leads_nowhere(problem.error) && problem.path.has_extension() && !fs::is_directory(problem.path, unknown);
      if (!file || (has_image_name(problem.path) && !readable.contains(problem.path.parent_path())))
        fail(Exit::file, problem.text() + others(problems.size() - 1));
      problems_.push_back(problem.text());
    }
  }
  static bool leads_nowhere(const std::error_code& error) {
    return error == std::errc::no_such_file_or_directory || error == std::errc::too_many_symbolic_link_levels ||
           error == std::errc::not_a_directory;
  }
  static std::string others(std::size_t count) {
    return count == 0 ? "" : fmt::format("; neither can {} more files and folders of this data set", count);
  }

  std::vector<WalkProblem> unread_;
  fs::path root_;
};

}  // namespace

std::shared_ptr<const FileTree> open_tree(const fs::path& root) {
  std::error_code error;
  const fs::file_status status = fs::status(root, error);
  if (!fs::exists(status)) fail_file("open", root, error ? error.value() : ENOENT);
  if (fs::is_directory(status)) return std::make_shared<FolderTree>(root);
  return std::make_shared<ZipTree>(root);
}

}  // namespace pc::data
