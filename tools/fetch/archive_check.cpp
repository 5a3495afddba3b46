#include "tools/fetch/archive_check.h"

#include <fmt/format.h>

#include <numeric>

#include "data/archive.h"
#include "data/zip_unpack.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc {

void check_archive(const std::filesystem::path& path,
                   const std::function<void(int64_t done, int64_t total)>& progress) {
  constexpr uint64_t kLargestRatio = 16;  // pictures hardly shrink
  const auto mapped = MappedFile::open(path);
  const std::string name = path.string();
  const std::vector<ZipRecord> records = list_archive(mapped->bytes(), name);
  if (records.empty()) fail(Exit::data, name + ": an archive without members");
  const auto add = [](uint64_t sum, const ZipRecord& r) { return sum + r.bytes; };
  const uint64_t unpacked = std::accumulate(records.begin(), records.end(), uint64_t(0), add);
  const uint64_t bytes = mapped->bytes().size();
  if (unpacked / kLargestRatio > bytes)
    fail(Exit::limit,
         fmt::format("{}: unpacks to more than {} times its size; suspicious compression ratio", name, kLargestRatio));
  uint64_t packed = 0;
  for (const ZipRecord& r : records) {
    unpack_record(r, name + ": " + r.name, [](std::span<const std::byte>) {});
    progress(int64_t(packed += r.data.size()), int64_t(bytes));
  }
}

}  // namespace pc
