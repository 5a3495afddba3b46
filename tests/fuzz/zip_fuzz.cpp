// Zip archives: what unpacking and reading in place go by, then the data set in them. The mutator changes one entry and
// packs them anew.
#include "data/archive.h"
#include "data/catalog.h"
#include "data/zip_unpack.h"
#include "kernels/base/error.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

namespace {

using pc::fuzz::expect;

void read_records(std::span<const std::byte> archive) {
  for (const pc::data::ZipRecord& r : pc::data::list_archive(archive, "input")) {
    const std::string parts = "/" + r.name + "/";
    expect(!r.name.starts_with('/') && parts.find("/../") == parts.npos && r.name.find('\0') == r.name.npos,
           "a path stays below the folder");
    if (is_folder(r)) continue;
    uint64_t bytes = 0;
    const auto count = [&](std::span<const std::byte> part) { bytes += part.size(); };
    try {
      pc::data::unpack_record(r, r.name, count);
      expect(bytes == r.bytes, "a record has the size that was listed");
    } catch (const pc::Error&) {
      expect(bytes <= r.bytes, "no more comes than was listed");  // the next one may be whole
    }
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return pc::fuzz::mutate_with(data, size, most, seed, pc::fuzz::mutate_zip);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    read_records(std::as_bytes(std::span(data, size)));
    const pc::data::DataSet set = pc::data::open_dataset(pc::fuzz::as_file(pc::fuzz::as_text(data, size)), {});
    expect(set.catalog.given.empty() || set.catalog.given.size() == set.catalog.items.size(),
           "a split for every item or for none");
    set.images->fingerprint();
  });
}
