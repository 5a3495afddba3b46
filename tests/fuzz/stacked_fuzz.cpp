// The stacked form of torch.save.
#include "tests/fuzz/target.h"
#include "tests/fuzz/weight_file.h"
#include "tools/weights/stacked.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (pc::is_stacked(bytes)) pc::fuzz::check_weights(pc::parse_stacked(bytes, nullptr, "input"));
  });
}
