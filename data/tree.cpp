// Folders listed once, and zip archives read by several threads through one mapping.
#include "data/tree.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "engine/file.h"
#include "kernels/runtime/error.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kFirstStep = uint64_t(1) << 20;  // bytes; nearly every picture is smaller

void sort_by_path(std::vector<FileTree::Entry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

struct CloseZip {
  void operator()(zip_t* z) const { zip_discard(z); }
};
using Zip = std::unique_ptr<zip_t, CloseZip>;

// libzip on the mapped archive: no seeks and no system calls per entry. A handle serves one thread at a time, so a
// reader borrows one and gives it back; the directory is parsed once per handle.
class ZipTree final : public FileTree {
 public:
  explicit ZipTree(const fs::path& path) : file_(MappedFile::open(path)) {
    name_ = path.filename().string();
    Zip zip = open();
    const zip_int64_t n = zip_get_num_entries(zip.get(), 0);
    entries_.reserve(std::size_t(n));
    for (zip_uint64_t i = 0; i < zip_uint64_t(n); ++i) {
      zip_stat_t info;
      if (zip_stat_index(zip.get(), i, 0, &info) != 0) continue;
      std::string entry = info.name;
      std::replace(entry.begin(), entry.end(), '\\', '/');  // as old Windows packers write them
      if (entry.ends_with('/') || is_junk(entry)) continue;
      entries_.push_back({.path = std::move(entry), .size = info.size, .mark = info.crc, .place = i});
    }
    sort_by_path(entries_);
    give_back(std::move(zip));
  }

  std::vector<std::byte> read(const Entry& entry, uint64_t limit) const override {
    const std::string where = name_ + ": " + entry.path;
    if (entry.size > limit) fail(Exit::limit, fmt::format("{}: {} bytes, the limit is {}", where, entry.size, limit));
    Zip zip = borrow();
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(zip.get(), entry.place, 0),
                                                                 zip_fclose);
    if (!file) fail(Exit::data, fmt::format("{}: {}", where, zip_strerror(zip.get())));
    // An archive may lie about the size, so memory grows with what really comes.
    std::vector<std::byte> bytes(std::min(entry.size, kFirstStep));
    std::size_t have = 0;
    zip_int64_t n = 0;
    while (have < bytes.size() && (n = zip_fread(file.get(), bytes.data() + have, bytes.size() - have)) > 0) {
      have += std::size_t(n);
      if (have == bytes.size()) bytes.resize(std::min<uint64_t>(entry.size, 2 * have));
    }
    std::byte beyond;  // the read that meets the end is the one that checks the CRC
    if (n >= 0 && have == entry.size) n = zip_fread(file.get(), &beyond, 1);
    if (n != 0 || have != entry.size) {
      const char* why =
          n < 0 ? zip_error_strerror(zip_file_get_error(file.get())) : "its size is not what the archive says";
      fail(Exit::data, fmt::format("{}: damaged in the archive ({})", where, why));
    }
    give_back(std::move(zip));
    return bytes;
  }

 private:
  Zip open() const {
    zip_error_t error;
    zip_error_init(&error);
    const auto bytes = file_->bytes();
    zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    Zip zip(source ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr);
    if (!zip) {
      if (source) zip_source_free(source);
      const std::string why = zip_error_strerror(&error);
      zip_error_fini(&error);
      const bool begins = bytes.size() > 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0;
      if (begins)
        fail(Exit::data, fmt::format("{}: the zip archive is cut off or damaged ({}); download it again", name_, why));
      fail(Exit::data, name_ + ": neither a folder nor a zip archive");
    }
    return zip;
  }
  Zip borrow() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Zip zip = std::move(idle_.back());
        idle_.pop_back();
        return zip;
      }
    }
    return open();
  }
  void give_back(Zip zip) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(zip));
  }

  std::shared_ptr<const MappedFile> file_;
  mutable std::mutex mutex_;
  mutable std::vector<Zip> idle_;
};

class FolderTree final : public FileTree {
 public:
  explicit FolderTree(const fs::path& root) : root_(root) {
    name_ = root.string();
    list(root, "", 0);
    sort_by_path(entries_);
  }

  std::vector<std::byte> read(const Entry& entry, uint64_t limit) const override {
    const auto file = MappedFile::open(root_ / entry.path);
    const auto bytes = file->bytes();
    if (bytes.size() > limit)
      fail(Exit::limit, fmt::format("{}: {} bytes, the limit is {}", entry.path, bytes.size(), limit));
    return {bytes.begin(), bytes.end()};
  }

 private:
  void list(const fs::path& folder, const std::string& prefix, int depth) {
    constexpr int kMaxDepth = 8;  // links to folders are followed, so a loop must end
    std::error_code error;
    fs::directory_iterator it(folder, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      const std::string path = prefix + it->path().filename().string();
      if (is_junk(path)) continue;
      std::error_code ignored;  // a dangling link is no entry
      const fs::file_status status = it->status(ignored);
      if (fs::is_directory(status) && depth < kMaxDepth) list(it->path(), path + "/", depth + 1);
      if (!fs::is_regular_file(status)) continue;
      const auto time = it->last_write_time(ignored).time_since_epoch().count();
      entries_.push_back({.path = path, .size = it->file_size(ignored), .mark = uint64_t(time)});
    }
    if (error) fail(Exit::file, fmt::format("cannot read {}: {}", folder.string(), error.message()));
  }

  fs::path root_;
};

}  // namespace

std::shared_ptr<const FileTree> open_tree(const fs::path& root) {
  std::error_code error;
  const fs::file_status status = fs::status(root, error);
  if (!fs::exists(status)) {
    const std::string why = error ? error.message() : std::strerror(ENOENT);
    fail(Exit::file, fmt::format("cannot open {}: {}", root.string(), why));
  }
  if (fs::is_directory(status)) return std::make_shared<FolderTree>(root);
  return std::make_shared<ZipTree>(root);
}

}  // namespace pc
