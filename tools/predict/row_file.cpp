#include "tools/predict/row_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/cli/lock_file.h"

namespace pc::predict {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Behind the line break that ends the row at the beginning of `text`; 0 where it has none.
std::size_t row_length(std::string_view text, bool quotes) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quotes && text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) return i + 1;
  }
  return 0;
}

}  // namespace

RowFile::RowFile(const fs::path& path, const json& made_with, bool resume) : path_(path), manifest_(path) {
  manifest_ += ".manifest";
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  regular_ = !fs::exists(status) || fs::is_regular_file(status);
  if (!regular_) {
    if (resume) fail(Exit::usage, fmt::format("--resume: {} is no regular file", path.string()));
    fd_ = open_file(path, O_WRONLY);
    return;
  }
  const bool begun = fs::exists(manifest_, ignored);
  if (begun && !resume)
    fail(Exit::usage, fmt::format("{} is unfinished: --resume goes on with it; remove {} to begin anew", path.string(),
                                  manifest_.string()));
  was_finished_ = resume && !begun && fs::exists(status);
  if (was_finished_) return;
  if (begun) {
    check_manifest(made_with);
  } else {
    fs::remove(path, ignored);  // before the manifest: old rows must not be taken for this run's
    write_file_atomically(manifest_, made_with.dump(1) + "\n");
  }
  fd_ = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!cli::lock_alone(fd_, path))
    fail(Exit::file, fmt::format("{} is being written by another process", path.string()));
}

void RowFile::check_manifest(const json& made_with) const {
  const json before = json::parse(read_file(manifest_), nullptr, false);
  for (const auto& [key, now] : made_with.items())
    if (const json then = before.is_object() ? before.value(key, json()) : json(); then != now)
      fail(Exit::usage,
           fmt::format("{} was begun with {} {}, now it is {}; go on as it was begun, or remove {} and begin "
                       "anew",
                       path_.string(), key, then.dump(), now.dump(), manifest_.string()));
}

void RowFile::read_back(bool quotes, const std::function<void(std::string_view)>& f) {
  if (!regular_) return;
  std::size_t whole = 0;
  {
    const auto file = MappedFile::open(path_);
    const std::string_view text = as_text(file->bytes());
    while (const std::size_t length = row_length(text.substr(whole), quotes)) {
      f(text.substr(whole, length));
      whole += length;
    }
  }
  if (::ftruncate(fd_.get(), off_t(whole)) != 0) fail_file("cut", path_);
}

void RowFile::append(std::string_view rows) { write_all(fd_, rows.data(), rows.size(), path_); }

void RowFile::finish() {
  if (!regular_) return;
  if (::fsync(fd_.get()) != 0) fail_file("write", path_);
  if (::unlink(manifest_.c_str()) != 0) fail_file("remove", manifest_);
}

}  // namespace pc::predict
