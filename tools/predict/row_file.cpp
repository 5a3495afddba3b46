#include "tools/predict/row_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/lock.h"
#include "tools/cli/lock_file.h"

namespace pc::predict {
namespace {

namespace fs = std::filesystem;

struct stat facts_of(const Descriptor& fd, const fs::path& path) {
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) fail_file("examine", path);
  return facts;
}

std::string read_all(const Descriptor& fd, std::size_t begin, std::size_t length, const fs::path& path) {
  std::string bytes(length, '\0');
  for (std::size_t have = 0; have < length;) {
    const ssize_t got = ::pread(fd.get(), bytes.data() + have, length - have, off_t(begin + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file("read", path);
    if (got == 0) fail(Exit::file, path.string() + " changed while it was read");
    have += std::size_t(got);
  }
  return bytes;
}

void cut(const Descriptor& fd, std::size_t length, const fs::path& path) {
  if (::ftruncate(fd.get(), off_t(length)) != 0) fail_file("cut", path);
}

}  // namespace

RowFile::RowFile(const fs::path& path, RowFormat format, const std::string& header, Manifest manifest,
                 ExistingRows existing)
    : path_(path), manifest_path_(path), format_(format), header_(header), manifest_(std::move(manifest)) {
  manifest_path_ += ".manifest";
  const fs::file_status status = status_of(path);
  regular_ = !fs::exists(status) || fs::is_regular_file(status);
  if (!regular_) {
    if (existing == ExistingRows::resume)
      fail(Exit::usage, fmt::format("--resume: {} is not a regular file", path.string()));
    fd_ = open_file(path, O_WRONLY | O_NONBLOCK, "write");  // a pipe that nobody reads is an error, not a wait
    if (::fcntl(fd_.get(), F_SETFL, O_WRONLY) != 0) fail_file("write", path);
    append(header_);
    return;
  }
  const bool made = lock();
  try {
    begin(existing, facts_of(fd_, path_).st_size);
  } catch (...) {
    if (made) ::unlink(path_.c_str());
    throw;
  }
}

// Whether the file was made. The lock comes before anything is read or changed: another process may write the file.
bool RowFile::lock() {
  bool made = false;
  do {
    fd_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
    made = bool(fd_);
    if (!made && errno != EEXIST) fail_file("create", path_);
    if (!made) fd_ = open_file(path_, O_RDWR | O_APPEND, "write");
    if (!cli::lock_alone(fd_, path_))
      fail(Exit::file, fmt::format("{} is being written by another process", path_.string()));
  } while (!still_named(fd_, path_));
  return made;
}

// Rows go before the manifest that says what they were made with goes, and come after the one that says it has come.
void RowFile::begin(ExistingRows existing, off_t size) {
  if (size > 0 && existing == ExistingRows::resume) return resume();
  if (size > 0 && existing == ExistingRows::refuse)
    fail(Exit::file, fmt::format("{} exists already; {}--force replaces it", path_.string(),
                                 format_ == RowFormat::text ? "" : "--resume adds the rows that it lacks, "));
  if (size > 0) {
    cut(fd_, 0, path_);
    sync(fd_, path_);
  }
  write_manifest(false);
  append(header_);
}

void RowFile::resume() {
  if (!path_exists(manifest_path_))
    fail(Exit::usage, fmt::format("{}: there is no {} to say what its rows were made with, so --resume cannot add to "
                                  "them; name another --output, or begin again with --force",
                                  path_.string(), manifest_path_.string()));
  const Manifest before = manifest_from(read_file(manifest_path_), manifest_path_.string());
  if (const std::string other = difference(before, manifest_); !other.empty())
    fail(Exit::usage, fmt::format("{} was made with {}; take that again, name another --output, or begin again with "
                                  "--force",
                                  path_.string(), other));
  finished_ = before.finished;
  const auto size = std::size_t(facts_of(fd_, path_).st_size);
  if (finished_ && read_all(fd_, size - 1, 1, path_) != "\n") append("\n");  // as some editors leave it
  {
    const auto file = MappedFile::open(path_);
    found_.emplace(as_text(file->bytes()), format_, header_, path_.string());
  }
  const bool whole = found_->bytes() == std::size_t(facts_of(fd_, path_).st_size);
  if (finished_ && !whole)
    fail(Exit::data, path_.string() + ": the last row has a quote that is never closed; correct the file");
  if (!whole) cut(fd_, found_->bytes(), path_);
  if (found_->bytes() == 0) append(header_);
}

void RowFile::write_manifest(bool finished) {
  manifest_.finished = finished_ = finished;
  write_file_atomically(manifest_path_, to_text(manifest_));
}

void RowFile::append(std::string_view rows) {
  if (finished_ && !rows.empty()) write_manifest(false);
  write_all(fd_, rows.data(), rows.size(), path_);
}

void RowFile::reorder(const std::vector<Span>& order) {
  if (finished_) write_manifest(false);
  write_file_atomically(path_, [&](const FileSink& sink) {
    for (const Span& span : order) {
      const std::string bytes = read_all(fd_, span.begin, span.length, path_);
      sink(bytes.data(), bytes.size());
    }
  });
}

bool RowFile::finish() {
  if (!regular_) return true;
  const std::vector<Span> order = found_ ? found_->final_order() : std::vector<Span>();
  if (finished_ && order.empty()) return false;
  if (order.empty())
    sync(fd_, path_);
  else
    reorder(order);
  write_manifest(true);
  return true;
}

}  // namespace pc::predict
