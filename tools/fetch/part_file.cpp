#include "tools/fetch/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc {
namespace {

using nlohmann::json;

[[noreturn]] void fail_part(const char* verb, const std::filesystem::path& path) {
  fail(Exit::file, fmt::format("cannot {} {}: {}", verb, path.string(), std::strerror(errno)));
}

std::optional<PartState> read_state(const std::filesystem::path& path) {
  std::ifstream file(path);
  const json j = json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    return j.contains(key) && j[key].is_string() ? j[key].get<std::string>() : "";
  };
  PartState state{.url = text("url"), .etag = text("etag"), .last_modified = text("last_modified")};
  if (j.contains("total") && j["total"].is_number_integer()) state.total = j["total"].get<int64_t>();
  return state;
}

}  // namespace

PartFile::PartFile(const std::filesystem::path& file, const std::string& url) : final_(file), path_(file) {
  path_ += ".part";
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_part("open", path_);
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) fail_part("open", path_);
  size_ = info.st_size;
  const auto state = read_state(state_path());
  if (state && state->url == url && (state->total < 0 || size_ <= state->total)) {
    state_ = *state;
  } else {
    restart({.url = url});
  }
}

PartFile::~PartFile() {
  ::close(descriptor_);
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
  if (::ftruncate(descriptor_, 0) != 0) fail_part("empty", path_);
  size_ = 0;
  state_ = state;
  // Headers may hold any bytes; JSON holds UTF-8.
  const json j = {
      {"url", state.url}, {"etag", state.etag}, {"last_modified", state.last_modified}, {"total", state.total}};
  std::ofstream file(state_path());
  file << j.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
  if (!file.flush()) fail_part("write", state_path());
}

void PartFile::append(const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_part("write", path_);
    data += written;
    bytes -= std::size_t(written);
    size_ += written;
  }
}

void PartFile::finish() {
  rename_synced(path_, final_);
  std::error_code ignored;
  std::filesystem::remove(state_path(), ignored);
}

}  // namespace pc
