// The self-test in a model file.
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "models/self_test_record.h"
#include "tests/fuzz/target.h"

using namespace pc;

namespace {

const std::vector<HeadShape> kHeads{{"kind", 2}, {"color", 3}};

SelfTest read(const std::string& text) {
  try {
    return self_test_from_json(nlohmann::json::parse(text), kHeads);
  } catch (const std::exception& e) {  // as the reader of model files has it
    fail(Exit::data, e.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  return fuzz::expect_answer(size, [&] {
    const SelfTest test = read(text);
    fuzz::expect(test.pixels.size() == std::size_t(test.h) * std::size_t(test.w) * 3, "as many pixels as declared");
    fuzz::expect(test.logits.size() == kHeads.size(), "logits of every head");
    const std::string written = to_json(test, kHeads).dump();
    fuzz::expect(to_json(read(written), kHeads).dump() == written, "what is written is read again");
  });
}
