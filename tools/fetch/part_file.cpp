#include "tools/fetch/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/file.h"

namespace pc::fetch {
namespace {

using nlohmann::json;

// A line break would begin a header of its own when the text goes into If-Range.
bool is_header_value(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; });
}

std::optional<PartState> read_state(const std::filesystem::path& path) {
  if (!is_file(path)) return std::nullopt;
  const json j = json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!j.is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    return j.contains(key) && j[key].is_string() ? j[key].get<std::string>() : "";
  };
  PartState state{.url = text("url"), .etag = text("etag"), .last_modified = text("last_modified")};
  if (!is_header_value(state.etag) || !is_header_value(state.last_modified)) return std::nullopt;
  if (j.contains("total") && j["total"].is_number_integer()) state.total = j["total"].get<int64_t>();
  return state;
}

}  // namespace

PartFile::PartFile(const std::filesystem::path& file, const std::string& url) : final_(file), path_(file) {
  path_ += ".part";
  descriptor_ = open_file(path_, O_RDWR | O_CREAT | O_APPEND);
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0) fail_file("open", path_);
  size_ = info.st_size;
  const auto state = read_state(state_path());
  if (state && state->url == url && (state->total < 0 || size_ <= state->total)) {
    state_ = *state;
  } else {
    restart({.url = url});
  }
}

PartFile::~PartFile() {
  if (size_ > 0) return;
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  std::filesystem::remove(state_path(), ignored);
}

std::filesystem::path PartFile::state_path() const { return path_.string() + ".json"; }

std::string PartFile::validator() const {
  return state_.etag.empty() || state_.etag.starts_with("W/") ? state_.last_modified : state_.etag;
}

// The state is not written atomically and need not be: no byte is there yet, and a torn one only means to begin anew.
void PartFile::restart(const PartState& state) {
  if (::ftruncate(descriptor_.get(), 0) != 0) fail_file("empty", path_);
  size_ = 0;
  state_ = state;
  // Headers may hold any bytes; JSON holds UTF-8.
  const json j = {
      {"url", state.url}, {"etag", state.etag}, {"last_modified", state.last_modified}, {"total", state.total}};
  const std::string text = j.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  write_all(open_file(state_path(), O_WRONLY | O_CREAT | O_TRUNC), text.data(), text.size(), state_path());
}

void PartFile::append(const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const std::size_t written = write_some(descriptor_, data, bytes, path_);
    data += written;
    bytes -= written;
    size_ += int64_t(written);
  }
}

void PartFile::finish() {
  rename_synced(path_, final_);
  std::error_code ignored;
  std::filesystem::remove(state_path(), ignored);
}

}  // namespace pc::fetch
