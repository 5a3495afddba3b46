// styles.csv of a small data set in Kaggle's layout, under another name: found, read, and described.
#include <string>

#include "data/describe.h"
#include "data/kaggle.h"
#include "data/table_files.h"
#include "tests/fuzz/target.h"

namespace {

using pc::fuzz::expect;

class Archive final : public pc::data::FileTree {
 public:
  explicit Archive(std::string_view table) : table_(table) {
    name_ = "input.zip";
    for (const char* path : {"images/0042.jpg", "images/1.jpg", "images/11.jpg", "images/12.png", "images/A b.jpg",
                             "images/caf\xe9.jpg", "labels.csv", "other.jsonl"})
      entries_.push_back({.path = path});
  }
  std::vector<std::byte> read(const Entry&, uint64_t) const override {
    const auto bytes = std::as_bytes(std::span(table_));
    return {bytes.begin(), bytes.end()};
  }

 private:
  std::string_view table_;
};

// One label for each item and column, each of them a class; every image at most once.
void check(const pc::data::DataSet& data) {
  const pc::data::Catalog& c = data.catalog;
  expect(!c.items.empty(), "a data set has images");
  for (std::size_t i = 0; i < c.items.size(); ++i) {
    expect(c.items[i].labels.size() == c.columns.size(), "a label for each column");
    for (std::size_t k = 0; k < i; ++k) expect(c.items[i].file != c.items[k].file, "an image once");
    for (std::size_t k = 0; k < c.columns.size(); ++k)
      expect(c.items[i].labels[k] >= -1 && c.items[i].labels[k] < int64_t(c.classes[k].size()),
             "a label is a class or none");
  }
  for (const std::string& line : pc::data::describe(data)) expect(line.find('\n') == line.npos, "a line is one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const auto archive = std::make_shared<Archive>(pc::fuzz::as_text(data, size));
    const std::string table = pc::data::detail::find_table(*archive);
    expect(table.empty() || table == "labels.csv", "the table is the table");
    const std::vector<std::string> columns{"masterCategory", "articleType"};
    check(pc::data::detail::open_kaggle(archive, "labels.csv", columns));
  });
}
