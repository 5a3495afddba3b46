// Packed stores. The mutator makes the checksum right again, so that the numbers behind it are reached.
#include <zlib.h>

#include <cstring>

#include "data/store.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

namespace {

using pc::fuzz::expect;

constexpr std::size_t kFooter = 56, kKeyAt = 16, kCountAt = 24, kChecksum = 8;

void change(std::string& file, pc::fuzz::Random&) {
  pc::fuzz::mutate(file, file.size() + 64);
  if (file.size() < kFooter) return;
  const uint64_t sum = ::crc32_z(0, reinterpret_cast<const Bytef*>(file.data()), file.size() - kChecksum);
  std::memcpy(file.data() + file.size() - kChecksum, &sum, kChecksum);
}

uint64_t footer_number(std::string_view file, std::size_t at) {
  uint64_t value = 0;
  if (file.size() >= kFooter) std::memcpy(&value, file.data() + file.size() - kFooter + at, sizeof value);
  return value;
}

void check(const pc::data::ImageStore& store) {
  std::size_t bad = 0;
  for (std::size_t i = 0; i < store.size(); ++i) {
    const pc::data::StoredImage image = store.image(i);
    const int64_t bytes = int64_t(image.h) * image.w * 3;
    expect(image.h >= 0 && image.w >= 0 && (image.h == 0) == (image.w == 0), "sides");
    expect(image.offset >= 0 && image.offset + bytes <= store.pixel_bytes(), "an image lies within the pixels");
    bad += image.h == 0;
    if (i < 4) pc::fuzz::touch(std::as_bytes(std::span(store.pixels() + image.offset, std::size_t(bytes))));
  }
  expect(store.bad().size() == bad, "every bad image is listed");
  for (const auto& image : store.bad()) expect(store.image(image.item).h == 0, "what is listed is bad");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return pc::fuzz::mutate_with(data, size, most, seed, change);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const std::string_view file = pc::fuzz::as_text(data, size);
    const auto store = pc::data::read_store(pc::fuzz::as_file(file), footer_number(file, kKeyAt),
                                            std::size_t(footer_number(file, kCountAt)));
    if (store) check(*store);
  });
}
