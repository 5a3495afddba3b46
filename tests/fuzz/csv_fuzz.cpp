// CSV text: alone, and as the styles.csv of a small data set in Kaggle's layout.
#include <string>

#include "data/csv.h"
#include "data/kaggle.h"
#include "kernels/base/error.h"
#include "tests/fuzz/target.h"

namespace {

using pc::fuzz::expect;

class Archive final : public pc::data::FileTree {
 public:
  explicit Archive(std::string_view styles) : styles_(styles) {
    name_ = "input.zip";
    for (const char* path : {"images/1.jpg", "images/11.jpg", "images/12.png", "images/a b.jpg", "styles.csv"})
      entries_.push_back({.path = path});
  }
  std::vector<std::byte> read(const Entry&, uint64_t) const override {
    const auto bytes = std::as_bytes(std::span(styles_));
    return {bytes.begin(), bytes.end()};
  }

 private:
  std::string_view styles_;
};

void read_rows(std::string_view text) {
  pc::data::CsvReader csv(text, "input.csv");
  std::vector<std::string_view> fields;
  int64_t line = 0;
  while (csv.next(fields)) {
    expect(fields.size() == csv.header().size(), "as many fields as columns");
    expect(csv.line() > line, "lines go up");
    line = csv.line();
    for (const std::string_view field : fields) pc::fuzz::touch(std::as_bytes(std::span(field)));
  }
  csv.column("id");
}

// One label for each item and column, each of them a class.
void check(const pc::data::Catalog& c) {
  for (const pc::data::Catalog::Item& item : c.items) {
    expect(item.labels.size() == c.columns.size(), "a label for each column");
    for (std::size_t i = 0; i < item.labels.size(); ++i)
      expect(item.labels[i] >= -1 && item.labels[i] < int64_t(c.classes[i].size()), "a label is a class or none");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view text = pc::fuzz::as_text(data, size);
  pc::fuzz::expect_answer(size, [=] { read_rows(text); });
  return pc::fuzz::expect_answer(size, [=] {
    const std::vector<std::string> columns{"masterCategory", "articleType"};
    check(pc::data::detail::open_kaggle(std::make_shared<Archive>(text), "styles.csv", columns).catalog);
  });
}
