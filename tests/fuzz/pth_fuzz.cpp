// Whole .pth files: zip container, pickle and storages. The mutator changes one record and packs them anew.
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/weight_file.h"
#include "tools/weights/pth.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return pc::fuzz::mutate_with(data, size, most, seed, pc::fuzz::mutate_zip);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    pc::fuzz::check_weights(pc::weights::parse_pth(std::as_bytes(std::span(data, size)), nullptr, "input"));
  });
}
