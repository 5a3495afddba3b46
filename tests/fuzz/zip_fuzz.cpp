// A data set as a zip archive: its tree, every entry, and the catalogue of it. The mutator changes one entry and packs
// them anew.
#include "data/catalogue.h"
#include "data/tree.h"
#include "kernels/runtime/error.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

namespace {

constexpr uint64_t kMaxEntry = 16u << 20;

void read_entries(const pc::FileTree& tree) {
  for (const pc::FileTree::Entry& entry : tree.entries()) {
    pc::fuzz::expect(!pc::is_junk(entry.path) && !entry.path.ends_with('/'), "entries are files and no junk");
    try {
      const auto bytes = tree.read(entry, kMaxEntry);
      pc::fuzz::expect(bytes.size() == entry.size, "an entry has the size that was listed");
    } catch (const pc::Error&) {
      // the next one may be whole
    }
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return pc::fuzz::mutate_with(data, size, most, seed, pc::fuzz::mutate_zip);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const auto path = pc::fuzz::as_file(pc::fuzz::as_text(data, size));
    read_entries(*pc::open_tree(path));
    const pc::DataSet set = pc::open_dataset(path, {});
    pc::fuzz::expect(set.catalogue.given.empty() || set.catalogue.given.size() == set.catalogue.items.size(),
                     "a split for every item or for none");
    set.pictures->fingerprint();
  });
}
