// split.csv, of a data set whose file names need quotes, look like formulas or are not UTF-8.
#include <string>

#include "kernels/base/file.h"
#include "tests/fuzz/target.h"
#include "tools/runs/split_file.h"

namespace {

using pc::fuzz::expect;

pc::data::Catalog make_catalog() {
  pc::data::Catalog catalog;
  for (const char* file : {"a/1.jpg", "a/b, c.jpg", "=1+1.jpg", "'=1.jpg", "caf\xe9.jpg", "\"x\".jpg"})
    catalog.items.push_back({.file = file, .labels = {}});
  return catalog;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const pc::data::Catalog catalog = make_catalog();
  return pc::fuzz::expect_answer(size, [=] {
    const auto split = pc::runs::read_split(pc::fuzz::as_file(pc::fuzz::as_text(data, size)), catalog);
    expect(split.size() == catalog.items.size(), "a side for every image");
    const std::string written = pc::runs::split_csv(catalog, split, {{0, 2}});
    expect(pc::runs::read_split(pc::fuzz::as_file(written), catalog) == split, "what was written is read");
  });
}
