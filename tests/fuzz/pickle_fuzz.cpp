// The pickle of a .pth file alone.
#include "engine/safetensors.h"
#include "tests/fuzz/target.h"
#include "tools/weights/pickle.h"

namespace {

using pc::fuzz::expect;
__extension__ typedef __int128 Wide;  // no product of two sizes overflows it

void check_tensor(const pc::weights::PickledTensor& t, const pc::weights::Pickle& p) {
  expect(t.storage < p.storages.size(), "a tensor has a storage");
  expect(t.shape.size() == t.strides.size(), "a stride for each size");
  int64_t count = 0;
  expect(pc::checked_element_count(t.shape, count), "the shape's product fits");
  Wide last = t.offset;
  for (std::size_t i = 0; i < t.shape.size(); ++i) last += Wide(t.shape[i] - 1) * t.strides[i];
  expect(count == 0 || (t.offset >= 0 && last < p.storages[t.storage].elements), "a tensor lies within its storage");
  t.contiguous();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const pc::weights::Pickle p = pc::weights::read_pickle(std::as_bytes(std::span(data, size)), "input");
    expect(p.top < p.values.size(), "the top is a value");
    for (pc::weights::PickleIndex i = 0; i < p.values.size(); ++i) {
      for (const pc::weights::PickleIndex item : p[i].items) {
        expect(item < p.values.size(), "an item is a value");
        expect(p[item].depth < p[i].depth, "nothing lies within itself");
      }
      pc::fuzz::touch(std::as_bytes(std::span(p[i].string)));
      if (p[i].kind == pc::weights::PickleValue::Kind::dict) p.find(p[i], "state_dict");
    }
    for (const pc::weights::PickledTensor& t : p.tensors) check_tensor(t, p);
  });
}
