// The index that pcindex writes.
#include <cstring>

#include "tests/fuzz/target.h"
#include "tools/predict/index_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const auto index = pc::predict::read_index(pc::fuzz::as_file(pc::fuzz::as_text(data, size)), "weights");
    const pc::Tensor features = index.features->tensor();
    pc::fuzz::expect(features.rank() == 2 && features.dim(0) == std::ssize(index.names), "a row for each name");
    pc::fuzz::touch({reinterpret_cast<const std::byte*>(features.data()), features.bytes()});
  });
}
