// The rows of a file to be resumed: CSV and JSON lines that a kill has torn or a person has changed.
#include <algorithm>

#include "tests/fuzz/target.h"
#include "tools/predict/found_rows.h"

namespace {

using namespace pc::predict;
using pc::fuzz::expect;

constexpr const char* kHeader = "file,status,error,verdict,kind,kind_p\n";

void resume(std::string_view text, RowFormat format) {
  FoundRows found(text, format, kHeader, "rows");
  expect(found.bytes() <= text.size(), "whole rows are a part of the file");
  expect(format == RowFormat::csv || found.bytes() == 0 || text[found.bytes() - 1] == '\n', "rows end in line breaks");
  std::size_t end = found.bytes();
  for (const char* image : {"a.png", "b.png", "c.png", "a.png"})
    if (!found.has(image)) {
      found.added(10);
      end += 10;
    }
  expect(found.kept() + found.others() <= found.rows(), "each row counts once");
  std::vector<Span> order = found.final_order();
  std::sort(order.begin(), order.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::size_t at = 0;
  for (const Span& span : order) {
    expect(span.begin >= at, "no byte comes twice");
    at = span.begin + span.length;
  }
  expect(at <= end, "the order is of the file's bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view text = pc::fuzz::as_text(data, size);
  pc::fuzz::expect_answer(size, [=] { resume(text, RowFormat::csv); });
  return pc::fuzz::expect_answer(size, [=] { resume(text, RowFormat::json); });
}
