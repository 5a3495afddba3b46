// The rules for paths and sizes, and the search for two entries that would be one file.
#include "data/archive.h"

#include <fmt/format.h>
#include <iconv.h>
#include <sys/stat.h>
#include <utf8proc.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "data/file_type_hint.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::data {
namespace {

constexpr uint64_t kMaxEntries = 2'000'000, kMaxBytes = uint64_t(128) << 30;
constexpr uint64_t kMaxRatio = 1000, kRatioCounts = 10'000'000;  // of files above so many bytes
constexpr std::size_t kMaxPart = 255, kMaxPath = 1024, kMaxDepth = 32;

// A message about one entry, by its name as the archive has it.
class Refusal {
 public:
  Refusal(const std::string& file, std::string_view name) : file_(file), name_(name) {}
  [[noreturn]] void operator()(const std::string& what, Exit code = Exit::data) const {
    fail(code, fmt::format("{}: entry \"{}\" {}", file_, printable(name_), what));
  }

 private:
  const std::string& file_;
  std::string_view name_;
};

// Names that are not UTF-8 are in the code page of the first PCs, in which every byte is some character.
std::string utf8_of_cp437(std::string_view name, const Refusal& refuse) {
  const std::unique_ptr<void, int (*)(iconv_t)> converter(iconv_open("UTF-8", "CP437"), iconv_close);
  std::string utf8(name.size() * 3, '\0');
  char *in = const_cast<char*>(name.data()), *out = utf8.data();
  std::size_t in_left = name.size(), out_left = utf8.size();
  if (converter.get() == iconv_t(-1) || iconv(converter.get(), &in, &in_left, &out, &out_left) == std::size_t(-1))
    refuse("has a name that is not UTF-8; pack it again with a tool that writes UTF-8");
  utf8.resize(utf8.size() - out_left);
  return utf8;
}

// "./a" and "a/./b" are what tar writes for "a" and "a/b". "" is the folder itself.
std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size() - 1) + 1;
    const std::string_view part = path.substr(0, end);
    if (part != "./" && part != ".") out += part;
    path.remove_prefix(end);
  }
  return out;
}

// What macOS adds for itself: the attributes of each file, and "Icon\r" for the icon of a folder.
bool is_of_macos(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  return path.starts_with("__MACOSX/") || path.find("/__MACOSX/") != path.npos || last == "Icon\r" ||
         last == "._Icon\r";
}

void check_part(std::string_view part, const Refusal& refuse) {
  if (part.empty()) refuse("has an empty part in its path");
  if (part == "." || part == "..") refuse("leaves the folder it is unpacked into");
  if (part.size() > kMaxPart) refuse(fmt::format("has a part of {} bytes, the limit is {}", part.size(), kMaxPart));
}

void check_path(std::string_view path, const Refusal& refuse) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(path.begin(), path.end(), control)) refuse("has a control character in its name");
  const bool drive = path.size() > 1 && path[1] == ':' && std::isalpha(static_cast<unsigned char>(path[0]));
  if (path.starts_with('/') || drive) refuse("leaves the folder it is unpacked into");
  if (path.size() > kMaxPath) refuse(fmt::format("has a path of {} bytes, the limit is {}", path.size(), kMaxPath));
  if (path.ends_with('/')) path.remove_suffix(1);
  std::size_t depth = 1;
  for (std::size_t end; (end = path.find('/')) != path.npos; path.remove_prefix(end + 1), ++depth)
    check_part(path.substr(0, end), refuse);
  check_part(path, refuse);
  if (depth > kMaxDepth) refuse(fmt::format("lies {} folders deep, the limit is {}", depth, kMaxDepth));
}

void check_kind(const ZipRecord& r, const Refusal& refuse) {
  const mode_t type = r.mode & S_IFMT;
  if (type == S_IFLNK) refuse("is a symbolic link; only files and folders are unpacked");
  if (type != 0 && type != S_IFREG && type != S_IFDIR)
    refuse("is a device, pipe or socket; only files and folders are unpacked");
  const bool folder_type = type == S_IFDIR || (type == S_IFREG && is_folder(r) && r.bytes == 0);
  if (type != 0 && folder_type != is_folder(r)) refuse("is a folder by its type or its name, but not by both");
  if (is_folder(r) && r.bytes > 0) refuse(fmt::format("is a folder with {} bytes in it", r.bytes));
  if (r.bytes > kRatioCounts && r.bytes / kMaxRatio > r.data.size())
    refuse(fmt::format("would grow from {} to {} bytes; the limit is {}:1", r.data.size(), r.bytes, kMaxRatio),
           Exit::limit);
}

// The path as systems compare it that ignore case and compose characters in their own way. '/' sorts before all else,
// so that a folder's entries follow it at once.
std::string folded(std::string_view path) {
  std::string key(path);
  if (std::any_of(path.begin(), path.end(), [](char c) { return c & 0x80; })) {
    utf8proc_uint8_t* text = nullptr;
    const auto options = utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    const auto n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(path.data()), utf8proc_ssize_t(path.size()),
                                &text, options);
    const std::unique_ptr<void, void (*)(void*)> owner(text, std::free);
    if (n >= 0) key.assign(reinterpret_cast<const char*>(text), std::size_t(n));
  } else {
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
  }
  std::replace(key.begin(), key.end(), '/', '\0');
  return key;
}

void check_collisions(const std::vector<ZipRecord>& records, const std::string& file) {
  std::vector<std::string> keys(records.size());
  std::transform(records.begin(), records.end(), keys.begin(), [](const ZipRecord& r) { return folded(r.name); });
  std::vector<uint32_t> order(records.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int order_of_keys = keys[a].compare(keys[b]);
    return order_of_keys != 0 ? order_of_keys < 0 : a < b;
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::string &before = keys[order[i - 1]], &key = keys[order[i]];
    const Refusal refuse(file, records[order[i]].name);
    const std::string& other = records[order[i - 1]].name;
    if (before == key) refuse(fmt::format("and \"{}\" are one file where case does not count", printable(other)));
    if (!before.ends_with('\0') && key.starts_with(before) && key[before.size()] == '\0')
      refuse(fmt::format("needs a folder where \"{}\" is a file", printable(other)));
  }
}

}  // namespace

std::vector<ZipRecord> list_archive(std::span<const std::byte> archive, const std::string& file) {
  const std::string_view bytes(reinterpret_cast<const char*>(archive.data()), archive.size());
  if (!bytes.starts_with("PK\3\4") && !bytes.starts_with("PK\5\6"))
    fail(Exit::data, file + ": " + not_a("zip archive", archive));
  std::vector<ZipRecord> records = read_zip_directory(archive, file, {.max_records = kMaxEntries, .trailer = true});
  uint64_t total = 0;
  std::vector<ZipRecord> kept;
  kept.reserve(records.size());
  for (ZipRecord& r : records) {
    const std::string name = r.name;
    const Refusal refuse(file, name);
    if (!is_utf8(r.name))
      r.name = is_utf8(r.utf8_name) && !r.utf8_name.empty() ? r.utf8_name : utf8_of_cp437(name, refuse);
    std::replace(r.name.begin(), r.name.end(), '\\', '/');
    const bool itself = r.name == "./" || r.name == ".";
    r.name = without_dots(r.name);
    if ((itself && r.bytes == 0) || is_of_macos(r.name)) continue;
    check_path(r.name, refuse);
    check_kind(r, refuse);
    if (__builtin_add_overflow(total, r.bytes, &total) || total > kMaxBytes)
      fail(Exit::limit, fmt::format("{}: unpacks to more than {} GiB", file, kMaxBytes >> 30));
    kept.push_back(std::move(r));
  }
  check_collisions(kept, file);
  return kept;
}

}  // namespace pc::data
