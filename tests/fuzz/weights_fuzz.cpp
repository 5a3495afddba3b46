// Weight files of any form, through the front door that tells them apart.
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/weight_file.h"
#include "tools/weights/weights.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  const bool archive = pc::fuzz::as_text(data, size).starts_with("PK");
  return archive ? pc::fuzz::mutate_with(data, size, most, seed, pc::fuzz::mutate_zip)
                 : LLVMFuzzerMutate(data, size, most);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    pc::fuzz::check_weights(pc::weights::read_weights(pc::fuzz::as_file(pc::fuzz::as_text(data, size))).file);
  });
}
