// The self-test in a model file.

#include "models/self_test_record.h"
#include "tests/fuzz/heads.h"
#include "tests/fuzz/target.h"

using namespace pc;
using fuzz::kHeads;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  return fuzz::expect_answer(size, [&] {
    const SelfTest test = fuzz::read_of_heads(text, self_test_from_json);
    fuzz::expect(test.pixels.size() == std::size_t(test.h) * std::size_t(test.w) * 3, "as many pixels as declared");
    fuzz::expect(test.logits.size() == kHeads.size(), "logits of every head");
    const std::string written = to_json(test, kHeads).dump();
    fuzz::expect(to_json(fuzz::read_of_heads(written, self_test_from_json), kHeads).dump() == written,
                 "what is written is read again");
  });
}
