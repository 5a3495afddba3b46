#include "tools/fetch/archive_check.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/file.h"
#include "engine/safetensors.h"
#include "kernels/runtime/error.h"

namespace pc {
namespace {

using Zip = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using ZipFile = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

constexpr uint64_t kLargestRatio = 16;  // pictures hardly shrink

Zip open(const std::filesystem::path& path) {
  int code = 0;
  Zip zip(zip_open(path.c_str(), ZIP_RDONLY, &code), zip_discard);
  if (zip) return zip;
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '<')
    fail(Exit::data, path.string() + ": a web page, not an archive: the site wants a sign-in, or the network does");
  if (text.starts_with("PK\3\4")) fail(Exit::data, path.string() + ": the zip archive is cut off or damaged");
  fail(Exit::data, path.string() + ": not a zip archive");
}

// Adds the member's unpacked bytes to `unpacked`.
void check_member(zip_t* zip, uint64_t index, uint64_t most, uint64_t& unpacked, const std::string& where) {
  const ZipFile file(zip_fopen_index(zip, index, 0), zip_fclose);
  if (!file) fail(Exit::data, fmt::format("{}: {}", where, zip_strerror(zip)));
  static thread_local std::vector<char> buffer(1 << 18);
  zip_int64_t n = 0;
  while ((n = zip_fread(file.get(), buffer.data(), buffer.size())) > 0) {
    unpacked += uint64_t(n);
    if (unpacked > most)
      fail(Exit::limit, fmt::format("{}: unpacks to more than {} times the archive; that is no picture collection",
                                    where, kLargestRatio));
  }
  if (n < 0)
    fail(Exit::data, fmt::format("{}: damaged ({})", where, zip_error_strerror(zip_file_get_error(file.get()))));
}

}  // namespace

void check_archive(const std::filesystem::path& path,
                   const std::function<void(int64_t done, int64_t total)>& progress) {
  const Zip zip = open(path);
  const uint64_t bytes = std::filesystem::file_size(path);
  const zip_int64_t count = zip_get_num_entries(zip.get(), 0);
  if (count <= 0) fail(Exit::data, path.string() + ": an archive without members");
  uint64_t packed = 0, unpacked = 0;
  for (uint64_t i = 0; i < uint64_t(count); ++i) {
    zip_stat_t info;
    if (zip_stat_index(zip.get(), i, 0, &info) != 0) fail(Exit::data, path.string() + ": " + zip_strerror(zip.get()));
    check_member(zip.get(), i, kLargestRatio * bytes, unpacked,
                 fmt::format("{}: {}", path.string(), printable(info.name)));
    packed += info.comp_size;
    progress(int64_t(std::min(packed, bytes)), int64_t(bytes));
  }
}

}  // namespace pc
