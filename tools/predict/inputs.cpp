#include "tools/predict/inputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "data/file_names.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

std::vector<InputPicture> pictures_below(const fs::path& root) {
  std::vector<InputPicture> pictures;
  std::error_code error;
  fs::recursive_directory_iterator it(root, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;  // a dangling link is no picture
    const std::string name = it->path().filename().string();
    if (is_junk(name)) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file(ignored) && has_picture_name(name)) {
      pictures.push_back({.file = it->path().string()});
    }
  }
  std::sort(pictures.begin(), pictures.end(), [](const auto& a, const auto& b) { return a.file < b.file; });
  if (error)
    pictures.push_back({.file = root.string(),
                        .error = fmt::format("cannot read {}: {}", root.string(), error.message()),
                        .code = Exit::file});
  else if (pictures.empty())
    pictures.push_back(
        {.file = root.string(), .error = root.string() + ": no pictures in this folder", .code = Exit::data});
  return pictures;
}

struct Descriptor {
  int fd;
  bool own;
  ~Descriptor() {
    if (own) ::close(fd);
  }
};

// Read, not mapped: a picture may be a pipe, and a file that shrinks under a mapping would kill the process.
std::vector<std::byte> read_bytes(const std::string& file) {
  constexpr std::size_t kMostBytes = 512u << 20, kStep = 1u << 16;
  const bool standard = file == "-";
  const Descriptor input{standard ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC), !standard};
  if (input.fd < 0) fail(Exit::file, fmt::format("cannot open {}: {}", file, std::strerror(errno)));
  std::vector<std::byte> bytes(kStep);
  std::size_t have = 0;
  for (;;) {
    const ssize_t n = ::read(input.fd, bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(Exit::file, fmt::format("cannot read {}: {}", file, std::strerror(errno)));
    if (n == 0) break;
    have += std::size_t(n);
    if (have > kMostBytes) fail(Exit::limit, fmt::format("{}: more than {} MiB", file, kMostBytes >> 20));
    if (have == bytes.size()) bytes.resize(2 * have);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

std::vector<InputPicture> find_pictures(const std::vector<std::string>& inputs) {
  std::vector<InputPicture> all;
  for (const std::string& input : inputs) {
    std::error_code ignored;
    if (input != "-" && fs::is_directory(input, ignored)) {
      const auto below = pictures_below(input);
      all.insert(all.end(), below.begin(), below.end());
    } else {
      all.push_back({.file = input});
    }
  }
  return all;
}

Image read_picture(const std::string& file, const DecodeSettings& settings) {
  return decode_image(read_bytes(file), file, settings);
}

}  // namespace pc
