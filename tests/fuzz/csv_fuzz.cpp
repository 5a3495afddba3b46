// CSV text.
#include <string>

#include "data/csv.h"
#include "tests/fuzz/target.h"

namespace {

using pc::fuzz::expect;

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] { read_rows(pc::fuzz::as_text(data, size)); });
}
